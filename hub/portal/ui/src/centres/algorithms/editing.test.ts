import { expect, test } from 'vitest'

import { cut, presentationOf, type Draft } from './editing.ts'

const DRAFT: Draft = { nameZh: ' 行人 ', nameEn: '', descriptionZh: '说明', descriptionEn: 'What it is', vendorZh: '厂商', vendorEn: ' ', targets: ['行人'], industries: [], business: [], places: [] }

test('an English text that was left out is the Chinese one', () => {
  const sent = presentationOf(DRAFT)

  expect(sent.name).toEqual({ zh: '行人', en: '行人' })
  expect(sent.description).toEqual({ zh: '说明', en: 'What it is' })
  expect(sent.vendor.en).toBe('厂商')
})

test('a cover is cut out of the middle of a picture', () => {
  expect(cut(1920, 1080)).toEqual([0, 0, 1920, 1080])
  expect(cut(1000, 360)).toEqual([180, 0, 640, 360])
  expect(cut(640, 1080)).toEqual([0, 360, 640, 360])
})
