import { expect, test } from 'vitest'

import { mappingsOf, wrongCode } from './event-codes.ts'

const LINE = { code: 'smoke/smoke', nameZh: '烟雾', nameEn: 'Smoke', name: ' 烟 ' }

test('only lines with a code are sent, without the blanks around it', () => {
  const sent = mappingsOf([{ ...LINE, mappedCode: ' 05-12 ' }, { ...LINE, code: 'smoke/fire', mappedCode: ' ' }])

  expect(sent).toEqual([{ code: 'smoke/smoke', mapped_code: '05-12', name: '烟' }])
})

test('a code that is none is found before it is sent', () => {
  expect(wrongCode([{ code: 'a', mapped_code: '01-02', name: '' }])).toBeUndefined()
  expect(wrongCode([{ code: 'a', mapped_code: '垃圾', name: '' }])).toBe('垃圾')
})
