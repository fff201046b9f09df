import { expect, test } from 'vitest'

import type { Algorithm } from '../../hub.ts'
import { conditionFacts, figure, trainingFacts, dayAfter } from './presentation.ts'

const silent = { training: null, conditions: null } as unknown as Algorithm

test('a package that says nothing of itself gives no facts, and one that says a part gives that part', () => {
  const some = { training: { model_name: 'yolo', model_no: '', model_version: '3', dataset_version: '' } } as unknown as Algorithm

  expect([trainingFacts(silent), conditionFacts(silent, String)]).toEqual([[], []])
  expect(trainingFacts(some)).toEqual([['modelName', 'yolo'], ['modelVersion', '3']])
})

test('a figure that the vendor does not give is a dash, and none is a zero', () => {
  expect([figure(null), figure(0), figure(0.925)]).toEqual(['–', '0.0%', '92.5%'])
})

test('a day that was chosen counts to its end, also that of a month', () => {
  expect(dayAfter(new Date(2026, 10, 30))).toEqual(new Date(2026, 11, 1))
})
