import { expect, test } from 'vitest'

import { isAbout } from './tasks.ts'

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
