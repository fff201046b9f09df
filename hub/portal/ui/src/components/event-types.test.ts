import { expect, test } from 'vitest'

import { choices, isUnder } from './event-types.ts'

const kind = (code: string, parent: string | null = null) => ({ code, parent, name_zh: code, name_en: code })

test('what gathers several kinds stands before them, and what gathers one is left out', () => {
  const kinds = [kind('bin'), kind('bin/full', 'bin'), kind('bin/lid', 'bin'), kind('smoke'), kind('smoke/smoke', 'smoke')]

  expect(choices(kinds).map((item) => [item.kind.code, item.depth, item.gathers])).toEqual([
    ['bin', 0, true],
    ['bin/full', 1, false],
    ['bin/lid', 1, false],
    ['smoke/smoke', 0, false],
  ])
})

test('a kind whose parent nobody knows stands by itself', () => {
  expect(choices([kind('other/thing', 'other')]).map((item) => item.kind.code)).toEqual(['other/thing'])
})

test('a code is under its parent, and not under what merely begins like it', () => {
  expect([isUnder('bin/full', 'bin'), isUnder('bin', 'bin'), isUnder('bins/full', 'bin')]).toEqual([true, true, false])
})
