import { expect, test } from 'vitest'

import { fieldsOf } from './parameters.ts'
import { isSimple, nearestCorner } from './polygon.ts'

test('a region whose edges cross is told from a simple one', () => {
  expect(isSimple([[0, 0], [1, 0], [1, 1], [0, 1]])).toBe(true)
  expect(isSimple([[0, 0], [1, 1], [1, 0], [0, 1]])).toBe(false)
})

test('the nearest corner within reach is taken', () => {
  expect(nearestCorner([[0.1, 0.1], [0.5, 0.5]], [0.49, 0.5], 0.02)).toBe(1)
  expect(nearestCorner([[0.1, 0.1]], [0.5, 0.5], 0.02)).toBe(-1)
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
