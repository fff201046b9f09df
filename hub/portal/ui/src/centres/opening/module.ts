import { Promotion } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'

import { texts } from './texts.ts'

export const openingCentre: Centre = {
  name: 'opening',
  pages: [{ path: '/subscriptions', title: 'opening.title', load: () => import('./pages/SubscriptionsPage.vue') }],
  menu: [{ path: '/subscriptions', title: 'opening.title', icon: Promotion, group: 'overview.opening' }],
  texts,
}
