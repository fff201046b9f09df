import { Document, User } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const systemCentre: Centre = {
  name: 'system',
  pages: [
    { path: '/users', title: 'system.users', permission: 'administer', load: () => import('./pages/UsersPage.vue') },
    { path: '/audit', title: 'system.audit', permission: 'audit', load: () => import('./pages/AuditPage.vue') },
  ],
  menu: [
    { path: '/users', title: 'system.users', icon: User, permission: 'administer', group: 'overview.system' },
    { path: '/audit', title: 'system.audit', icon: Document, permission: 'audit', group: 'overview.system' },
  ],
  texts,
}
