import { Problem } from '@fengsui/api'
import { expect, test } from 'vitest'

import { usersOf } from './users.ts'

function refused(code: string, errors: { field: string; message: string }[]): Problem {
  return new Problem({ status: 409, code, detail: 'in use', errors })
}

test('a refusal names who uses an algorithm, and may leave some out', () => {
  const many = Array.from({ length: 19 }, (_, index) => ({ field: 'task', message: `t${index}` }))

  const users = usersOf(refused('algorithm_in_use', [{ field: 'capture_plan', message: '每日抓图' }, ...many]), 'shelf', '烟雾')

  expect(users?.shown[0]).toEqual({ kind: 'capture_plan', name: '每日抓图' })
  expect([users?.shown.length, users?.cut]).toEqual([20, true])
})

test('any other problem says nothing of users', () => {
  expect(usersOf(refused('unlicensed', []), 'shelf', '烟雾')).toBeUndefined()
})
