import { describe, expect, it } from 'vitest'

import { addressesOf, batchName, fileName, filesFault, MOST_ADDRESSES, MOST_PICTURES } from './uploading.ts'

describe('files of a picture task', () => {
  it('are pictures or one film, and no more than a task takes', () => {
    expect(filesFault([{ name: 'a.jpg' }, { name: 'b.png' }])).toBeNull()
    expect(filesFault([{ name: 'street.MP4' }])).toBeNull()
    expect(filesFault([{ name: 'a.jpg' }, { name: 'street.mp4' }])?.key).toBe('mixed')
    expect(filesFault(Array.from({ length: MOST_PICTURES + 1 }, () => ({ name: 'a.jpg' })))?.key).toBe('tooMany')
  })

  it('have names that lead nowhere else', () => {
    expect(fileName('../.hidden/a.jpg')).toBe('_.hidden_a.jpg')
    expect(fileName('...')).toBe('picture.jpg')
    expect(batchName(new Date('2026-03-01T08:00:00.123Z'))).toBe('u20260301080000123')
  })

  it('lie at web addresses, one a line, and a line that is none is named', () => {
    expect(addressesOf('http://a/1.jpg\n\n https://b/2.jpg ')).toEqual({ urls: ['http://a/1.jpg', 'https://b/2.jpg'], fault: null })
    expect(addressesOf('http://a/1.jpg\nftp://b').fault).toMatchObject({ key: 'addressesWrong', line: 2 })
    expect(addressesOf('http://a\n'.repeat(MOST_ADDRESSES)).fault).toBeNull()
    expect(addressesOf('http://a\n'.repeat(MOST_ADDRESSES + 1)).fault?.key).toBe('addressesMany')
  })
})
