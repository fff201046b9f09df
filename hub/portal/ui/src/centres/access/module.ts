import { Key } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const accessCentre: Centre = {
  name: 'access',
  pages: [{ path: '/access', title: 'access.title', load: () => import('./pages/AccessPage.vue'), permission: 'operate' }],
  menu: [{ path: '/access', title: 'access.title', icon: Key, group: 'overview.resources', permission: 'operate' }],
  texts,
}
