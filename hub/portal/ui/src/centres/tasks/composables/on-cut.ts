import type { HubSchemas } from '@fengsui/api'

export interface OnCut {
  fence_after_s: number | null
  move_after_s: number | null
}

export const CHOICES = ['go_on', 'fence', 'move', 'fence_and_move'] as const
export type Choice = (typeof CHOICES)[number]

export const GO_ON: OnCut = { fence_after_s: null, move_after_s: null }
const FENCE_S = 60
const MOVE_S = 300

/** What somebody chose by these two limits. */
export function choiceOf(onCut: OnCut): Choice {
  if (onCut.fence_after_s !== null) return onCut.move_after_s === null ? 'fence' : 'fence_and_move'
  return onCut.move_after_s === null ? 'go_on' : 'move'
}

/** The limits of a choice; one that was set before is kept. */
export function limitsOf(choice: Choice, before: OnCut): OnCut {
  return {
    fence_after_s: choice === 'fence' || choice === 'fence_and_move' ? (before.fence_after_s ?? FENCE_S) : null,
    move_after_s: choice === 'move' || choice === 'fence_and_move' ? (before.move_after_s ?? MOVE_S) : null,
  }
}

/** The policy of a task, with both limits present. */
export function policyOf(task: { on_cut: HubSchemas['OnCut'] }): OnCut {
  return { fence_after_s: task.on_cut.fence_after_s ?? null, move_after_s: task.on_cut.move_after_s ?? null }
}
