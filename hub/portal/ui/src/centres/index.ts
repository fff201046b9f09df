import type { Centre } from '@fengsui/kit'

import { accessCentre } from './access/module.ts'
import { algorithmsCentre } from './algorithms/module.ts'
import { capturesCentre } from './captures/module.ts'
import { cascadeCentre } from './cascade/module.ts'
import { eventsCentre } from './events/module.ts'
import { exchangeCentre } from './exchange/module.ts'
import { nodesCentre } from './nodes/module.ts'
import { openingCentre } from './opening/module.ts'
import { overviewCentre } from './overview/module.ts'
import { picturesCentre } from './pictures/module.ts'
import { pointsCentre } from './points/module.ts'
import { systemCentre } from './system/module.ts'
import { tasksCentre } from './tasks/module.ts'
import { tracingCentre } from './tracing/module.ts'
import { videoCentre } from './video/module.ts'

/** In the order of the left menu; the first page of the first is home. */
export const centres: readonly Centre[] = [
  overviewCentre,
  videoCentre,
  capturesCentre,
  eventsCentre,
  tasksCentre,
  picturesCentre,
  algorithmsCentre,
  pointsCentre,
  nodesCentre,
  accessCentre,
  exchangeCentre,
  cascadeCentre,
  tracingCentre,
  openingCentre,
  systemCentre,
]
