import { Bell, Box, Camera, Connection, Crop, DataLine, Film, Monitor, Share, Switch, VideoCamera } from '@element-plus/icons-vue'
import type { Centre } from '@fengsui/kit'
import { Aim, Cpu, Files } from '@element-plus/icons-vue'

import { texts } from './texts.ts'

export const panelCentre: Centre = {
  name: 'panel',
  pages: [
    { path: '/', title: 'panel.overview', load: () => import('./pages/OverviewPage.vue') },
    { path: '/cameras', title: 'panel.cameras', load: () => import('./pages/CamerasPage.vue') },
    { path: '/scenes', title: 'scene.title', load: () => import('./pages/ScenesPage.vue') },
    { path: '/live', title: 'video.wall', load: () => import('./pages/LivePage.vue') },
    { path: '/recordings', title: 'footage.title', load: () => import('./pages/RecordingsPage.vue') },
    { path: '/snapshots', title: 'snapshots.title', load: () => import('./pages/SnapshotsPage.vue') },
    { path: '/events', title: 'panel.events', load: () => import('./pages/EventsPage.vue') },
    { path: '/models', title: 'engine.title', load: () => import('./pages/ModelsPage.vue') },
    { path: '/try', title: 'engine.tryTitle', load: () => import('./pages/TryPage.vue') },
    { path: '/picture-tasks', title: 'pictureTask.title', load: () => import('./pages/PictureTasksPage.vue') },
    { path: '/artifacts', title: 'delivery.title', load: () => import('./pages/ArtifactsPage.vue') },
    { path: '/link', title: 'way.title', load: () => import('./pages/LinkPage.vue') },
    { path: '/hub', title: 'panel.hub', load: () => import('./pages/HubPage.vue') },
    { path: '/exchange', title: 'exchange.title', load: () => import('./pages/ExchangePage.vue') },
  ],
  menu: [
    { path: '/', title: 'panel.overview', icon: DataLine },
    { path: '/cameras', title: 'panel.cameras', icon: VideoCamera },
    { path: '/scenes', title: 'scene.title', icon: Crop },
    { path: '/live', title: 'video.wall', icon: Monitor },
    { path: '/recordings', title: 'footage.title', icon: Film },
    { path: '/snapshots', title: 'snapshots.title', icon: Camera },
    { path: '/events', title: 'panel.events', icon: Bell },
    { path: '/models', title: 'engine.title', icon: Cpu },
    { path: '/try', title: 'engine.tryTitle', icon: Aim },
    { path: '/picture-tasks', title: 'pictureTask.title', icon: Files },
    { path: '/artifacts', title: 'delivery.title', icon: Box },
    { path: '/link', title: 'way.title', icon: Share },
    { path: '/hub', title: 'panel.hub', icon: Connection },
    { path: '/exchange', title: 'exchange.title', icon: Switch },
  ],
  texts,
}
