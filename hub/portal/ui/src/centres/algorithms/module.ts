import { Cpu } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { examinationTexts } from './examination-texts.ts'
import { texts } from './texts.ts'

export const algorithmsCentre: Centre = {
  name: 'algorithms',
  pages: [{ path: '/algorithms', title: 'algorithms.title', load: () => import('./pages/AlgorithmsPage.vue') }],
  menu: [{ path: '/algorithms', title: 'algorithms.title', icon: Cpu, group: 'overview.analysis' }],
  texts: {
    'zh-CN': { ...texts['zh-CN'], ...examinationTexts['zh-CN'] },
    en: { ...texts.en, ...examinationTexts.en },
  },
}
