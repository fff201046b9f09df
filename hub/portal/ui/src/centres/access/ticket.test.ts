import { describe, expect, it } from 'vitest'

import { isCode, isFingerprint, readTicket } from './ticket.ts'

const KEY = 'ab'.repeat(32)
const TEXT = `fengsui://claim?serial=sn+1&url=https%3A%2F%2F10.0.0.7%3A8091&key=${KEY}&code=ABCD2345`

describe('a ticket', () => {
  it('is read from what a scanner types', () => {
    expect(readTicket(` ${TEXT}\n`)).toEqual({ serial: 'sn 1', url: 'https://10.0.0.7:8091', fingerprint: KEY, code: 'ABCD2345' })
  })

  it.each(['', 'https://claim?code=ABCD2345', 'fengsui://claim?serial=1', TEXT.replace(KEY, 'ab'), TEXT.replace('https', 'http')])('is not read from %s', (text) => {
    expect(readTicket(text)).toBeUndefined()
  })
})

it('code and fingerprint may be typed in groups', () => {
  expect(isCode('abcd-2345')).toBe(true)
  expect(isCode('abcd-0345')).toBe(false)
  expect(isFingerprint(KEY.replace(/(.{4})/g, '$1 '))).toBe(true)
})
