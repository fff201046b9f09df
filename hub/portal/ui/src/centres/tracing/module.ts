import { DataLine } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const tracingCentre: Centre = {
  name: 'tracing',
  pages: [{ path: '/chain', title: 'tracing.title', load: () => import('./pages/ChainPage.vue') }],
  menu: [{ path: '/chain', title: 'tracing.title', icon: DataLine, group: 'overview.resources' }],
  texts,
}
