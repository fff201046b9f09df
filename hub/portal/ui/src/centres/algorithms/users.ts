import { Problem } from '@fengsui/api'

const MOST = 20 // as many as a refusal names
const KINDS = ['task', 'capture_plan'] as const

/** What keeps an algorithm where it is: the tasks and snapshot plans that use it. */
export interface Users {
  readonly act: 'shelf' | 'remove'
  readonly name: string
  readonly shown: readonly { readonly kind: (typeof KINDS)[number]; readonly name: string }[]
  /** Whether there may be more: a refusal names the first ones only. */
  readonly cut: boolean
}

/** Read from a refusal who uses the algorithm; undefined for any other problem. */
export function usersOf(problem: unknown, act: Users['act'], name: string): Users | undefined {
  if (!(problem instanceof Problem) || problem.code !== 'algorithm_in_use') return undefined
  const all = problem.errors.flatMap((fault) => KINDS.filter((kind) => kind === fault.field).map((kind) => ({ kind, name: fault.message })))
  return { act, name, shown: all, cut: all.length >= MOST }
}
