import { Collection, Cpu } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { catalogueTexts } from './catalogue-texts.ts'
import { editingTexts } from './editing-texts.ts'
import { eventCodeTexts } from './event-code-texts.ts'
import { examinationTexts } from './examination-texts.ts'
import { groupTexts } from './group-texts.ts'
import { licenceTexts } from './licence-texts.ts'
import { packingTexts } from './packing-texts.ts'
import { presentationTexts } from './presentation-texts.ts'
import { texts } from './texts.ts'

export const algorithmsCentre: Centre = {
  name: 'algorithms',
  pages: [
    { path: '/algorithms', title: 'algorithms.title', load: () => import('./pages/AlgorithmsPage.vue') },
    { path: '/catalogue', title: 'catalogue.title', load: () => import('./pages/CataloguePage.vue') },
  ],
  menu: [
    { path: '/algorithms', title: 'algorithms.title', icon: Cpu, group: 'overview.analysis' },
    { path: '/catalogue', title: 'catalogue.title', icon: Collection, group: 'overview.analysis' },
  ],
  texts: {
    'zh-CN': { ...texts['zh-CN'], ...catalogueTexts['zh-CN'], ...examinationTexts['zh-CN'], ...presentationTexts['zh-CN'], ...licenceTexts['zh-CN'], ...editingTexts['zh-CN'], ...groupTexts['zh-CN'], ...eventCodeTexts['zh-CN'], ...packingTexts['zh-CN'] },
    en: { ...texts.en, ...catalogueTexts.en, ...examinationTexts.en, ...presentationTexts.en, ...licenceTexts.en, ...editingTexts.en, ...groupTexts.en, ...eventCodeTexts.en, ...packingTexts.en },
  },
}
