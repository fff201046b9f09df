import { describe, expect, it } from 'vitest'

import { certificateState, grouped } from './certificates.ts'

const certificate = { serial: '1', issued_at: '2026-01-01T00:00:00Z', expires_at: '2026-04-01T00:00:00Z' }
const at = (moment: string) => certificateState({ certificate, revoked_at: null }, Date.parse(moment))

describe('the state of a certificate', () => {
  it('is good until a fifth of its time is left', () => {
    expect(at('2026-03-13T00:00:00Z')).toBe('good')
    expect(at('2026-03-15T00:00:00Z')).toBe('soon')
    expect(at('2026-04-01T00:00:00Z')).toBe('expired')
  })

  it('is revoked whatever its dates say', () => {
    expect(certificateState({ certificate, revoked_at: '2026-01-02T00:00:00Z' }, 0)).toBe('revoked')
    expect(certificateState({ certificate: null, revoked_at: null }, 0)).toBe('none')
  })
})

it('a fingerprint stands in groups of four', () => {
  expect(grouped('3f2a91bc')).toBe('3F2A 91BC')
})
