import { expect, test } from 'vitest'

import type { EventRow } from '../../../hub.ts'
import { actOf, belongs, beside, nextPending, placeOf } from './judging.ts'

function row(id: string, verdict: EventRow['verdict'] = 'pending'): EventRow {
  return { id, verdict, type: 'smoke', point_id: 'p1', point_name: '东门', time: '2026-11-24T00:00:00Z' } as EventRow
}

const ROWS = [row('a'), row('b', 'true'), row('c')]
const NO_FILTER = { type: '', mapped_code: '', point_id: '', text: '', since: '', until: '' }

test('keys judge and step, but not while somebody types', () => {
  expect(actOf({ key: '1', typing: false, modified: false })).toEqual({ judge: 'true' })
  expect(actOf({ key: 'ArrowRight', typing: false, modified: false })).toEqual({ step: 1 })
  expect(actOf({ key: '1', typing: true, modified: false })).toBeUndefined()
  expect(actOf({ key: '1', typing: false, modified: true })).toBeUndefined()
})

test('stepping ends at both ends of the list', () => {
  expect(beside(ROWS, 'a', -1)).toBeUndefined()
  expect(beside(ROWS, 'a', 1)?.id).toBe('b')
  expect(beside(ROWS, 'c', 1)).toBeUndefined()
})

test('after a verdict the next event that waits is shown', () => {
  expect(nextPending(ROWS, 'a')?.id).toBe('c')
  expect(nextPending(ROWS, 'c')).toBeUndefined()
})

test('an arrival joins the list only if its filters let it', () => {
  expect(belongs(row('d'), NO_FILTER, 'pending')).toBe(true)
  expect(belongs(row('d'), NO_FILTER, 'true')).toBe(false)
  expect(belongs(row('d'), { ...NO_FILTER, text: '西门' }, undefined)).toBe(false)
  expect(belongs(row('d'), { ...NO_FILTER, until: '2026-11-23T00:00:00Z' }, undefined)).toBe(false)
})

test('the preset stands beside the point, by its name where the camera told one', () => {
  expect(placeOf({ point_name: '东门', preset: null, preset_name: '' })).toBe('东门')
  expect(placeOf({ point_name: '东门', preset: '3', preset_name: '' })).toBe('东门 · 3')
  expect(placeOf({ point_name: '东门', preset: '3', preset_name: '车道' })).toBe('东门 · 车道')
})
