import { Camera } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const capturesCentre: Centre = {
  name: 'captures',
  pages: [{ path: '/captures', title: 'captures.title', load: () => import('./pages/CapturesPage.vue') }],
  menu: [{ path: '/captures', title: 'captures.title', icon: Camera }],
  texts,
}
