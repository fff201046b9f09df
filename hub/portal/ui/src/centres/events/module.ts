import { Bell } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const eventsCentre: Centre = {
  name: 'events',
  pages: [{ path: '/events', title: 'events.title', load: () => import('./pages/EventsPage.vue') }],
  menu: [{ path: '/events', title: 'events.title', icon: Bell }],
  texts,
}
