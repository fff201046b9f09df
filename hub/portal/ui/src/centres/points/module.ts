import { VideoCamera } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const pointsCentre: Centre = {
  name: 'points',
  pages: [{ path: '/points', title: 'points.title', load: () => import('./pages/PointsPage.vue') }],
  menu: [{ path: '/points', title: 'points.title', icon: VideoCamera, group: 'overview.resources' }],
  texts,
}
