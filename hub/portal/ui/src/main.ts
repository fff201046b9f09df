import '@fengsui/kit/old-browsers'
import 'element-plus/dist/index.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import '@fengsui/ui/theme.css'
import './tables.css'

import { addTexts, captureTexts, engineReasonTexts, makeApplication, shapeTexts } from '@fengsui/kit'

import { centres } from './centres/index.ts'

addTexts(shapeTexts)
addTexts(captureTexts)
addTexts(engineReasonTexts)
makeApplication({ title: 'product.hub', centres }).mount('#app')
