import { expect, test } from 'vitest'

import { originOf, reasonOf, shareOf, toneOf, type ArtifactReport } from './progress.ts'

function report(more: Partial<ArtifactReport>): ArtifactReport {
  return { digest: 'sha256:0', kind: 'dataset', name: 'street', version: '1', size_bytes: 1000, held_bytes: 0, state: 'waiting', reason: '', lacking_bytes: 0, sources: [], speed_bytes: 0, hub_bytes: 0, neighbour_bytes: 0, reused_bytes: 0, ...more }
}

const asIs = (id: string) => id
const say = (key: string, values: Record<string, string> = {}) => [key, ...Object.values(values)].join(' ')

test('a box that waits for room says how much, and looks alarming', () => {
  const full = report({ reason: 'no_space', lacking_bytes: 3_200_000_000 })
  expect(reasonOf(full, say)).toContain('delivery.reason.no_space 3.2 GB')
  expect(toneOf(full)).toBe('bad')
})

test('a box that waits for its hours does not look alarming', () => {
  expect(toneOf(report({ reason: 'bandwidth_window' }))).toBe('idle')
  expect(toneOf(report({ reason: 'source_away: hub: no answer in time' }))).toBe('warn')
})

test('a reason of a later release stands as it is', () => {
  expect(reasonOf(report({ reason: 'moon_phase: waxing' }), say)).toBe('moon_phase: waxing')
})

test('while bytes come, their sources are named; afterwards, how much came from where', () => {
  const names = (id: string) => (id === 'n2' ? '东门' : id)
  expect(originOf(report({ state: 'fetching', sources: ['hub', 'n2'], hub_bytes: 5 }), say, names)).toBe('delivery.hubdelivery.and东门')
  expect(originOf(report({ state: 'held', hub_bytes: 600, reused_bytes: 400 }), say, asIs)).toBe('delivery.hub 600 Bdelivery.anddelivery.reused 400 B')
})

test('a share is never more than the whole', () => {
  expect(shareOf(report({ held_bytes: 2000 }))).toBe(1)
  expect(shareOf(report({ size_bytes: 0 }))).toBe(0)
})
