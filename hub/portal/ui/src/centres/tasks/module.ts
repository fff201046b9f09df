import { Operation } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const tasksCentre: Centre = {
  name: 'tasks',
  pages: [{ path: '/tasks', title: 'tasks.title', load: () => import('./pages/TasksPage.vue') }],
  menu: [{ path: '/tasks', title: 'tasks.title', icon: Operation, group: 'overview.analysis' }],
  texts,
}
