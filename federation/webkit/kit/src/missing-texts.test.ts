import { expect, test } from 'vitest'
import { createI18n } from 'vue-i18n'

import { tellerOfMissing } from './missing-texts.ts'

function translator(told: string[]): (key: string) => string {
  const i18n = createI18n({
    legacy: false,
    locale: 'en',
    fallbackLocale: 'zh-CN',
    missing: tellerOfMissing((words) => told.push(words)),
    messages: { 'zh-CN': { both: '都有', chinese: '中文' }, en: { both: 'both' } },
  })
  return (key) => i18n.global.t(key)
}

test('a text that no language has is told once for each, and its key is shown', () => {
  const told: string[] = []
  const translated = translator(told)

  expect([translated('none'), translated('none')]).toEqual(['none', 'none'])
  expect(told).toEqual(['no text: none (en)', 'no text: none (zh)'])
})

test('a text that English lacks is told, and shown in Chinese', () => {
  const told: string[] = []

  expect(translator(told)('chinese')).toBe('中文')
  expect(told).toEqual(['no text: chinese (en)'])
})

test('of a text that is there nothing is told', () => {
  const told: string[] = []

  expect(translator(told)('both')).toBe('both')
  expect(told).toEqual([])
})

test('what a column of a table draws without values is not told', () => {
  const told: string[] = []

  translator(told)('lane.undefined')

  expect(told).toEqual([])
})
