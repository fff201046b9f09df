/** The bar of a day: where moments lie on it, and what is drawn there. Times are milliseconds since 1970. */

import type { Bookmark } from './footage.ts'

export const DAY_MS = 86_400_000

export interface Span {
  readonly start: number
  readonly end: number
}

export interface Recorded extends Span {
  readonly kind: string
}

export interface Missing extends Span {
  readonly reason: string
}

export interface Mark {
  readonly at: number
  readonly name: string
}

/** What there is of a camera on one day. */
export interface DayRecord {
  readonly recorded: readonly Recorded[]
  readonly gaps: readonly Missing[]
  readonly bookmarks: readonly Bookmark[]
  readonly marks: readonly Mark[]
  readonly mime: string
}

export const EMPTY_DAY: DayRecord = { recorded: [], gaps: [], bookmarks: [], marks: [], mime: '' }

/** The midnight at which the day of a moment begins where the reader is. */
export function midnight(at: number): number {
  const day = new Date(at)
  return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime()
}

/** Where a moment lies in what is shown, as a share of its width; it may be outside. */
export function shareOf(at: number, shown: Span): number {
  return (at - shown.start) / (shown.end - shown.start)
}

/** The moment at a share of the width. */
export function momentAt(share: number, shown: Span): number {
  return shown.start + share * (shown.end - shown.start)
}

/** What is shown after zooming by `factor` around a moment, within the day. */
export function zoomed(shown: Span, factor: number, around: number, day: Span): Span {
  const width = Math.min(day.end - day.start, Math.max(60_000, (shown.end - shown.start) * factor))
  const start = around - shareOf(around, shown) * width
  return moved({ start, end: start + width }, 0, day)
}

/** What is shown after moving by some milliseconds, within the day. */
export function moved(shown: Span, by: number, day: Span): Span {
  const width = shown.end - shown.start
  const start = Math.min(Math.max(shown.start + by, day.start), day.end - width)
  return { start, end: start + width }
}

const STEPS_MIN = [1, 5, 10, 30, 60, 120, 180, 240, 360] as const

/** Round moments to write times at, about every `apartPx` pixels. */
export function ticks(shown: Span, widthPx: number, apartPx = 64): number[] {
  const most = Math.max(1, widthPx / apartPx)
  const step = (STEPS_MIN.find((minutes) => (shown.end - shown.start) / (minutes * 60_000) <= most) ?? 720) * 60_000
  const first = midnight(shown.start)
  const found: number[] = []
  for (let at = first + Math.ceil((shown.start - first) / step) * step; at <= shown.end; at += step) found.push(at)
  return found
}

/** The recorded stretch at a moment, or the next one after it; undefined where nothing follows. */
export function recordedFrom(day: DayRecord, at: number): Recorded | undefined {
  const later = day.recorded.filter((item) => item.end > at)
  return later.reduce<Recorded | undefined>((best, item) => (best === undefined || item.start < best.start ? item : best), undefined)
}

/** How long was recorded, in milliseconds. */
export function recordedMs(day: DayRecord): number {
  return day.recorded.reduce((sum, item) => sum + item.end - item.start, 0)
}
