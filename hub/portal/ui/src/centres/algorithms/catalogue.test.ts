import { expect, test } from 'vitest'

import type { AlgorithmTemplate } from '../../hub.ts'
import { counted, matching, shortened } from './catalogue.ts'

function template(slug: string, more: Partial<AlgorithmTemplate> = {}): AlgorithmTemplate {
  return {
    slug, number: '1', name_zh: '测试', name_en: slug, description_zh: '', description_en: '', category: 'water', rule_kind: 'presence', defaults: {},
    needs_region: false, places: [], event_code: `water/${slug}`, needs: [], reports: [], state: 'no_model', bound: null, fitting: 0, ...more,
  }
}

test('a search, a category and a state narrow the catalogue together', () => {
  const all = [template('ship', { state: 'bound' }), template('algae'), template('ramp', { category: 'facility' })]

  expect(matching(all, { text: ' SHIP', category: '', state: '' }).map((item) => item.slug)).toEqual(['ship'])
  expect(matching(all, { text: '测', category: 'water', state: 'no_model' }).map((item) => item.slug)).toEqual(['algae'])
  expect(counted(all)).toEqual({ bound: 1, bindable: 0, no_model: 2 })
})

test('a long list of classes is cut, and says by how many', () => {
  const classes = Array.from({ length: 8 }, (_, index) => ({ name: `c${index}`, name_zh: '', name_en: '' }))

  expect(shortened(classes, (item) => item.name)).toEqual({ names: ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'], more: 2 })
})
