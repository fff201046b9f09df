import { Share } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const cascadeCentre: Centre = {
  name: 'cascade',
  pages: [{ path: '/cascade', title: 'cascade.title', load: () => import('./pages/CascadePage.vue') }],
  menu: [{ path: '/cascade', title: 'cascade.title', icon: Share, group: 'overview.resources' }],
  texts,
}
