import { expect, test } from 'vitest'

import { fieldsOf } from './parameters.ts'
import { besideRight, isSimple, nearestCorner, noShapes, shapesFault, withOutline } from './polygon.ts'

test('a region whose edges cross is told from a simple one', () => {
  expect(isSimple([[0, 0], [1, 0], [1, 1], [0, 1]])).toBe(true)
  expect(isSimple([[0, 0], [1, 1], [1, 0], [0, 1]])).toBe(false)
})

test('the nearest corner within reach is taken', () => {
  expect(nearestCorner([[0.1, 0.1], [0.5, 0.5]], [0.49, 0.5], 0.02)).toBe(1)
  expect(nearestCorner([[0.1, 0.1]], [0.5, 0.5], 0.02)).toBe(-1)
})

test('shapes grow, change and vanish by their points', () => {
  const drawn = withOutline(withOutline(noShapes(), 'masks', 0, [[0, 0]]), 'lines', 0, [[0.1, 0.1], [0.2, 0.2]])
  expect(drawn).toEqual({ regions: [], masks: [[[0, 0]]], lines: [{ counts: 'both', points: [[0.1, 0.1], [0.2, 0.2]] }] })
  expect(withOutline(drawn, 'masks', 0, []).masks).toEqual([])
  expect(withOutline({ ...drawn, lines: [{ counts: 'to_left', points: [[0, 0]] }] }, 'lines', 0, [[1, 1]]).lines[0]?.counts).toBe('to_left')
})

test('what is not finished or crosses itself is told', () => {
  expect(shapesFault(noShapes())).toBe('')
  expect(shapesFault({ ...noShapes(), masks: [[[0, 0], [1, 1]]] })).toBe('few')
  expect(shapesFault({ ...noShapes(), lines: [{ counts: 'both', points: [[0, 0]] }] })).toBe('short')
  expect(shapesFault({ ...noShapes(), regions: [[[0, 0], [1, 1], [1, 0], [0, 1]]] })).toBe('crossing')
})

test('the right of who walks down the picture is its left edge', () => {
  expect(besideRight([0.5, 0], [0.5, 1], 0.1)).toEqual([0.4, 0.5])
})

test('a form is read from JSON Schema', () => {
  const fields = fieldsOf(
    {
      type: 'object',
      properties: {
        dwell_s: { type: 'number', minimum: 0, maximum: 60, title: 'Dwell' },
        mode: { type: 'string', enum: ['day', 'night'] },
        labels: { type: 'array', items: { enum: ['person', 'car'] } },
      },
    },
    'en',
  )
  expect(fields.map((field) => [field.name, field.kind])).toEqual([['dwell_s', 'number'], ['mode', 'choice'], ['labels', 'choices']])
  expect(fields[0]).toMatchObject({ title: 'Dwell', minimum: 0, maximum: 60 })
  expect(fieldsOf(undefined, 'en')).toEqual([])
})
