import { answered } from '@fengsui/api'
import type { TurnSource } from '@fengsui/kit'

import { appliance } from './appliance.ts'

/** This box turns its own cameras. */
export const turning: TurnSource = {
  presets: async (point_id) => (await answered(appliance.GET('/api/v1/cameras/{point_id}/presets', { params: { path: { point_id } } }))).items,
  turn: (point_id, order) => answered(appliance.POST('/api/v1/cameras/{point_id}/turn', { params: { path: { point_id } }, body: { order } })),
}
