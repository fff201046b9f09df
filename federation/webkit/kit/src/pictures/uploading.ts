/** Files that a person chooses for a picture task. */

export const PICTURE_TYPES = 'image/jpeg,image/png,image/webp'
export const MOST_PICTURES = 500

const FILM = /\.(mp4|mkv|mov|avi|ts|flv)$/i

export interface FilesFault {
  key: 'mixed' | 'tooMany'
  count: number
}

export function isFilm(name: string): boolean {
  return FILM.test(name)
}

/** Tell why these files make no task; null if they do. */
export function filesFault(files: readonly { name: string }[]): FilesFault | null {
  if (files.some((file) => isFilm(file.name)) && files.length > 1) return { key: 'mixed', count: files.length }
  return files.length > MOST_PICTURES ? { key: 'tooMany', count: MOST_PICTURES } : null
}

/** Return a name for what is uploaded together; later ones sort behind. */
export function batchName(at: Date): string {
  return `u${at.toISOString().replace(/\D/g, '')}`
}

/** Return a file's name as the box takes it. */
export function fileName(name: string): string {
  return name.replace(/[/\\]/g, '_').replace(/^\.+/, '').slice(-200) || 'picture.jpg'
}

export const MOST_ADDRESSES = 500

export interface Addresses {
  urls: string[]
  fault: { key: 'addressesWrong' | 'addressesMany'; line: number; count: number } | null
}

/** Read web addresses, one a line; tell which line is none. */
export function addressesOf(text: string): Addresses {
  const lines = text.split('\n').map((line) => line.trim())
  const wrong = lines.findIndex((line) => line !== '' && !/^https?:\/\/[^\s/]\S*$/.test(line))
  const urls = lines.filter((line) => line !== '')
  const key = wrong >= 0 ? 'addressesWrong' : urls.length > MOST_ADDRESSES ? 'addressesMany' : null
  return { urls, fault: key === null ? null : { key, line: wrong + 1, count: MOST_ADDRESSES } }
}
