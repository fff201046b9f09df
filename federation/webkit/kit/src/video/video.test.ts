import { expect, test } from 'vitest'

import { stretchOf } from './footage-player.ts'
import { addresses, dayOf } from './footage.ts'
import { modeOf, NOT_RECORDED, withMode } from './recording.ts'
import { DAY_MS, EMPTY_DAY, midnight, momentAt, moved, recordedFrom, recordedMs, shareOf, ticks, zoomed } from './timeline.ts'
import { fitted, grouped, placed } from './wall.ts'

const DAY = { start: midnight(1_772_352_000_000), end: midnight(1_772_352_000_000) + DAY_MS }
const HOUR = 3_600_000

test('a moment lies where it is drawn', () => {
  expect(shareOf(DAY.start + 6 * HOUR, DAY)).toBe(0.25)
  expect(momentAt(0.25, DAY)).toBe(DAY.start + 6 * HOUR)
})

test('zooming keeps the moment under the pointer and never leaves the day', () => {
  const noon = DAY.start + 12 * HOUR
  const near = zoomed(DAY, 0.5, noon, DAY)
  expect(shareOf(noon, near)).toBeCloseTo(0.5)
  expect(near.end - near.start).toBe(12 * HOUR)
  expect(zoomed(near, 4, noon, DAY)).toEqual(DAY)
  expect(moved(near, 100 * HOUR, DAY).end).toBe(DAY.end)
  const closest = zoomed(DAY, 0.0000001, noon, DAY)
  expect(closest.end - closest.start).toBe(60_000)
})

test('times are written at round moments that do not crowd', () => {
  expect(ticks(DAY, 800).map((tick) => (tick - DAY.start) / HOUR)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24])
  expect(ticks(DAY, 200)).toHaveLength(3)
  expect(ticks({ start: DAY.start, end: DAY.start + 600_000 }, 800).length).toBeLessThanOrEqual(12)
})

test('playing from a gap begins where recording goes on', () => {
  const day = {
    ...EMPTY_DAY,
    recorded: [
      { start: 100, end: 200, kind: 'planned' },
      { start: 300, end: 400, kind: 'event' },
    ],
  }
  expect(recordedFrom(day, 150)?.start).toBe(100)
  expect(recordedFrom(day, 250)?.start).toBe(300)
  expect(recordedFrom(day, 400)).toBeUndefined()
  expect(recordedMs(day)).toBe(200)
})

test('a gap that lasts ends now', () => {
  const told = { recorded: [], gaps: [{ start: '2026-03-01T08:00:00Z', end: null, reason: 'disk' }], bookmarks: [], events: [], mime: '' }
  expect(dayOf(told, (zh) => zh, 1_772_400_000_000).gaps).toEqual([{ start: 1_772_352_000_000, end: 1_772_400_000_000, reason: 'disk' }])
})

test('fast and backward playing takes key frames only, slow and normal takes all', () => {
  const at = new Date(1_772_352_000_000)
  expect(stretchOf(at, 1)).toMatchObject({ start: at, frames: 'all', backward: false })
  expect(stretchOf(at, 4).frames).toBe('all')
  expect(stretchOf(at, 8).frames).toBe('key')
  expect(stretchOf(at, -1)).toMatchObject({ frames: 'key', backward: true })
  expect(stretchOf(at, -1).end.getTime()).toBeLessThan(at.getTime())
})

test('an address names the stretch of time', () => {
  const source = addresses((id) => `/api/v1/cameras/${id}/recordings`)
  const [start, end] = [new Date(1_772_352_000_000), new Date(1_772_352_060_000)]
  expect(source.clipAddress('gate', start, end)).toBe(
    '/api/v1/cameras/gate/recordings/clip.mp4?start=2026-03-01T08:00:00.000Z&end=2026-03-01T08:01:00.000Z',
  )
})

test('a camera is shown in one window, and the next free window is chosen', () => {
  expect(fitted(['a'], 4)).toEqual(['a', null, null, null])
  expect(fitted(['a', 'b', 'c', 'd'], 1)).toEqual(['a'])
  expect(placed(['a', null, 'c', null], 'b', 1)).toEqual({ windows: ['a', 'b', 'c', null], at: 3 })
  expect(placed(['a', 'b', null, null], 'a', 2)).toEqual({ windows: [null, 'b', 'a', null], at: 3 })
  expect(placed(['a', 'b'], 'c', 1)).toEqual({ windows: ['a', 'c'], at: 0 })
})

test('a plan goes from one mode to another and back', () => {
  expect(modeOf(NOT_RECORDED)).toBe('off')
  expect(modeOf(withMode(NOT_RECORDED, 'always'))).toBe('always')
  const hours = withMode(NOT_RECORDED, 'calendar')
  expect(modeOf(hours)).toBe('calendar')
  expect(modeOf(withMode(hours, 'off'))).toBe('off')
  expect(withMode(withMode(hours, 'calendar'), 'calendar')).toEqual(hours)
})

test('cameras stand by their groups, and those without one last', () => {
  const camera = (id: string, group: string, state = 'live') => ({ id, name: id, group, state, path: '', picture: '' })
  const found = grouped([camera('c', ''), camera('b', '城管'), camera('a', '城管', 'stalled')])
  expect(found.map((group) => [group.name, group.live, group.cameras.map((item) => item.id)])).toEqual([
    ['城管', 1, ['a', 'b']],
    ['', 1, ['c']],
  ])
})
