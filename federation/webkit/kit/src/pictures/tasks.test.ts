import { expect, test } from 'vitest'

import { faultOf, isAbout } from './tasks.ts'

const seen = { label: 'bin', score: 0.9, box: { x: 0.1, y: 0.2, width: 0.3, height: 0.4 } }
const other = { ...seen, box: { ...seen.box, x: 0.5 } }

test('an event is about what it names, and about nothing else that was found', () => {
  const verdict = {
    width_px: 1,
    height_px: 1,
    took_ms: 0,
    at_s: 0,
    of_s: 0,
    detections: [seen, other],
    events: [{ code: 'c', after_s: 0, score: 0.9, detections: [{ ...seen }] }],
    drawn: { regions: [], masks: [], lines: [] },
    unjudged: '',
    fault: '',
  }

  expect(verdict.detections.map((found) => isAbout(verdict, found))).toEqual([true, false])
})

test('a fault is told by its code and its figures, and by its own words where nobody knows the code', () => {
  expect(faultOf('film_cut_off: its last picture is at 2.9 s of 6.0 s')).toEqual({ code: 'film_cut_off', first: '2.9', second: '6.0' })
  expect(faultOf('no_picture: it is none that can be read')).toEqual({ code: 'no_picture', first: '', second: '' })
  expect(faultOf('model_crashed: signal 9').code).toBeNull()
  expect(faultOf('').code).toBeNull()
})
