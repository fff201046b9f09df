import { Film, Monitor } from '@element-plus/icons-vue'
import { videoTexts, type Centre } from '@fengsui/kit'

export const videoCentre: Centre = {
  name: 'video',
  pages: [
    { path: '/live', title: 'video.wall', load: () => import('./pages/LivePage.vue') },
    { path: '/recordings', title: 'footage.title', load: () => import('./pages/RecordingsPage.vue') },
  ],
  menu: [
    { path: '/live', title: 'video.wall', icon: Monitor },
    { path: '/recordings', title: 'footage.title', icon: Film },
  ],
  texts: videoTexts,
}
