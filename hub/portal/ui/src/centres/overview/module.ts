import { MapLocation } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const overviewCentre: Centre = {
  name: 'overview',
  pages: [{ path: '/', title: 'overview.title', load: () => import('./pages/HomePage.vue'), immersive: true }],
  menu: [{ path: '/', title: 'overview.title', icon: MapLocation }],
  texts,
}
