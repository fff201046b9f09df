import { Picture } from '@element-plus/icons-vue'
import { pictureTaskTexts, type Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const picturesCentre: Centre = {
  name: 'pictures',
  pages: [{ path: '/picture-tasks', title: 'pictureTask.title', load: () => import('./pages/PictureTasksPage.vue') }],
  menu: [{ path: '/picture-tasks', title: 'pictureTask.title', icon: Picture, group: 'overview.analysis' }],
  texts: {
    'zh-CN': { ...pictureTaskTexts['zh-CN'], ...texts['zh-CN'] },
    en: { ...pictureTaskTexts.en, ...texts.en },
  },
}
