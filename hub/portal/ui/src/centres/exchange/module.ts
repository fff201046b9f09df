import { Switch } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const exchangeCentre: Centre = {
  name: 'exchange',
  pages: [{ path: '/exchange', title: 'exchange.title', load: () => import('./pages/ExchangePage.vue') }],
  menu: [{ path: '/exchange', title: 'exchange.title', icon: Switch, group: 'overview.resources' }],
  texts,
}
