import { expect, test } from 'vitest'

import { innerAddress } from './entrance/inner-address.ts'
import { faultOf } from './entrance/password-rule.ts'
import { bytes, count, inUnits } from './moments.ts'
import { parseNotice, pauseMs } from './live.ts'
import { isTab, neighbour, opened, type Tab } from './tabs.ts'

function tab(path: string): Tab {
  return { path, fullPath: path, title: 't', note: '' }
}

test('after signing in nobody is led to another site', () => {
  expect(innerAddress('/events?tab=all')).toBe('/events?tab=all')
  expect(innerAddress('//evil.example/')).toBe('/')
  expect(innerAddress('/\\evil.example')).toBe('/')
  expect(innerAddress('https://evil.example/')).toBe('/')
  expect(innerAddress(undefined)).toBe('/')
})

test('a new password is long, new, and not the user name', () => {
  const good = { old: 'first-password', fresh: 'second-password', again: 'second-password', username: 'admin' }
  expect(faultOf(good)).toBeUndefined()
  expect(faultOf({ ...good, fresh: 'short', again: 'short' })).toBe('password.tooShort')
  expect(faultOf({ ...good, fresh: good.old, again: good.old })).toBe('password.same')
  expect(faultOf({ ...good, again: 'something-else' })).toBe('password.different')
  expect(faultOf({ ...good, username: 'second-password' })).toBe('password.isName')
})

test('a page that is open already keeps its tab', () => {
  const tabs = opened(opened([tab('/')], tab('/events')), { ...tab('/events'), fullPath: '/events?tab=all' })
  expect(tabs.map((one) => one.fullPath)).toEqual(['/', '/events?tab=all'])
})

test('the oldest tab makes room but home stays', () => {
  let tabs = [tab('/')]
  for (let number = 0; number < 20; number += 1) tabs = opened(tabs, tab(`/nodes/${number}`))
  expect(tabs).toHaveLength(12)
  expect(tabs[0]?.path).toBe('/')
  expect(tabs[11]?.path).toBe('/nodes/19')
})

test('closing a tab leads to its right neighbour, else its left one', () => {
  const tabs = [tab('/'), tab('/a'), tab('/b')]
  expect(neighbour(tabs, '/a')?.path).toBe('/b')
  expect(neighbour(tabs, '/b')?.path).toBe('/a')
})

test('remembered rubbish is no tab', () => {
  expect(isTab({ path: '/', fullPath: '/', title: 't', note: '' })).toBe(true)
  expect(isTab({ path: '/' })).toBe(false)
  expect(isTab(null)).toBe(false)
})

test('the live feed tries again ever more slowly, at most every 15 seconds', () => {
  expect([1, 2, 3, 50].map(pauseMs)).toEqual([500, 1000, 2000, 15_000])
})

test('only notices pass through the live feed', () => {
  expect(parseNotice('{"kind":"event.created","data":{"id":"1"}}')).toEqual({ kind: 'event.created', data: { id: '1' } })
  expect(parseNotice('not json')).toBeUndefined()
  expect(parseNotice('[1]')).toBeUndefined()
})

test('amounts carry their units', () => {
  expect(bytes(3_800_000)).toBe('3.8 MB')
  expect(count(1_234_567)).toBe('1,234,567')
})

test.each([
  [380, '380 毫秒'],
  [2_400, '2.4 秒'],
  [180_000, '3 分钟'],
  [4_320_000, '1.2 小时'],
])('a span of %d ms is said in the unit that fits', (milliseconds, words) => {
  expect(inUnits(milliseconds, ['毫秒', '秒', '分钟', '小时'])).toBe(words)
})
