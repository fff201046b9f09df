import { Monitor } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const nodesCentre: Centre = {
  name: 'nodes',
  pages: [
    { path: '/nodes', title: 'nodes.title', load: () => import('./pages/NodesPage.vue') },
    { path: '/nodes/:id', title: 'nodes.one', load: () => import('./pages/NodePage.vue') },
  ],
  menu: [{ path: '/nodes', title: 'nodes.title', icon: Monitor, group: 'overview.resources' }],
  texts,
}
