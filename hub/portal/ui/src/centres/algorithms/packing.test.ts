import { expect, test } from 'vitest'

import type { BareModel } from '../../hub.ts'
import { formOf, isId, labelsOf, nextVersion, packageOf } from './packing.ts'

const MODEL = { file_name: 'Helmet v2 (final).ONNX', proposed: null } as unknown as BareModel

test('an id is made of the name of the file', () => {
  const form = formOf(MODEL, '本地导入')

  expect([form.id, form.name, form.version]).toEqual(['local.helmet_v2_final', 'Helmet v2 (final)', '1.0.0'])
  expect(isId(form.id)).toBe(true)
  expect(formOf({ ...MODEL, file_name: '安全帽.onnx' }, 'x').id).toBe('local.detector')
})

test('the version after the newest is proposed', () => {
  expect(nextVersion({ version: '2.0.9' })).toBe('2.0.10')
  expect(nextVersion(undefined)).toBe('1.0.0')
})

test('classes are what was typed, without empty lines', () => {
  expect(labelsOf(' helmet \n\nhead\r\n')).toEqual(['helmet', 'head'])
})

test('what was left empty is left out, and a text stands for both languages', () => {
  const sent = packageOf({ ...formOf(MODEL, '厂商'), events: [{ code: 'helmet', name: '安全帽' }, { code: 'head', name: ' ' }] })

  expect(sent.note).toBeNull()
  expect(sent.description).toEqual(sent.name)
  expect(sent.events).toEqual([{ code: 'helmet', zh: '安全帽', en: '安全帽' }])
})
