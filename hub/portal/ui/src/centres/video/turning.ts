import { answered } from '@fengsui/api'
import type { TurnSource } from '@fengsui/kit'

import { hub } from '../../hub.ts'

/** The hub asks the box that looks after a point. */
export const turning: TurnSource = {
  presets: async (point_id) => (await answered(hub.GET('/api/v1/points/{point_id}/presets', { params: { path: { point_id } } }))).items,
  turn: (point_id, order) => answered(hub.POST('/api/v1/points/{point_id}/turn', { params: { path: { point_id } }, body: { order } })),
}
