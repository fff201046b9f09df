import { Cpu } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const algorithmsCentre: Centre = {
  name: 'algorithms',
  pages: [{ path: '/algorithms', title: 'algorithms.title', load: () => import('./pages/AlgorithmsPage.vue') }],
  menu: [{ path: '/algorithms', title: 'algorithms.title', icon: Cpu, group: 'overview.analysis' }],
  texts,
}
