import '@fengsui/kit/old-browsers'
import 'element-plus/dist/index.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import '@fengsui/ui/theme.css'

import { addTexts, captureTexts, engineReasonTexts, makeApplication, pictureTaskTexts, shapeTexts, videoTexts } from '@fengsui/kit'

import { panelCentre } from './centre.ts'
import { engineTexts } from './engine-texts.ts'
import { linkTexts } from './link-texts.ts'
import { sceneTexts } from './scene-texts.ts'
import { snapshotTexts } from './snapshot-texts.ts'

addTexts(videoTexts)
addTexts(engineTexts)
addTexts(snapshotTexts)
addTexts(captureTexts)
addTexts(engineReasonTexts)
addTexts(linkTexts)
addTexts(shapeTexts)
addTexts(sceneTexts)
addTexts(pictureTaskTexts)
makeApplication({ title: 'product.panel', centres: [panelCentre] }).mount('#app')
