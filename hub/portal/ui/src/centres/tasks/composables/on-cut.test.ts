import { describe, expect, it } from 'vitest'

import { CHOICES, choiceOf, GO_ON, limitsOf } from './on-cut.ts'

describe('what becomes of a task that is cut off', () => {
  it('is the same choice after it was turned into limits and back', () => {
    expect(CHOICES.map((choice) => choiceOf(limitsOf(choice, GO_ON)))).toEqual([...CHOICES])
  })

  it('keeps a limit that somebody set when the other one is added', () => {
    expect(limitsOf('fence_and_move', { fence_after_s: 7, move_after_s: null })).toEqual({ fence_after_s: 7, move_after_s: 300 })
  })

  it('forgets limits that are no longer chosen', () => {
    expect(limitsOf('go_on', { fence_after_s: 7, move_after_s: 9 })).toEqual(GO_ON)
  })
})
