import type { Played } from './footage-player.ts'
import type { DayRecord, Span } from './timeline.ts'

export interface FootageCamera {
  readonly id: string
  readonly name: string
}

export const KINDS = ['planned', 'event', 'backfill'] as const
export type RecordingKind = (typeof KINDS)[number]

/** A stretch that somebody has marked; what is locked is kept until somebody unlocks it. */
export interface Bookmark extends Span {
  readonly id: string
  readonly text: string
  readonly locked: boolean
  readonly setBy: string
}

/** Which recordings; what is undefined or empty is no condition. */
export interface FootageWanted {
  readonly kind: RecordingKind | undefined
  readonly locked: boolean | undefined
  readonly text: string
  readonly start: Date | undefined
  readonly end: Date | undefined
}

export interface FoundFootage extends Span {
  readonly kind: RecordingKind
  readonly bookmarks: readonly Bookmark[]
}

export interface FoundPage {
  readonly items: readonly FoundFootage[]
  readonly next: string | null
}

export interface BookmarkDraft {
  readonly start: string
  readonly end: string
  readonly text: string
  readonly locked: boolean
}

/** Where recordings come from; panel and portal each have their own. */
export interface FootageSource {
  day(camera: string, start: Date, end: Date): Promise<DayRecord>
  /** Which days, as `2026-03-01`, have recordings of a camera, of the `days` from `first` on. */
  daysWith(camera: string, first: string, days: number): Promise<readonly string[]>
  playAddress(camera: string, played: Played): string
  clipAddress(camera: string, start: Date, end: Date): string
  coverAddress(camera: string, at: Date): string
  /** Recordings of a camera on whatever day, the latest first, from behind `after` on. */
  search(camera: string, wanted: FootageWanted, after: string | undefined): Promise<FoundPage>
  mark(camera: string, draft: BookmarkDraft): Promise<void>
  changeMark(camera: string, bookmark: string, text: string, locked: boolean): Promise<void>
  unmark(camera: string, bookmark: string): Promise<void>
}

/** What an API says of a bookmark. */
export interface ToldBookmark {
  readonly id: string
  readonly start: string
  readonly end: string
  readonly text: string
  readonly locked: boolean
  readonly set_by: string
}

/** What an API finds. */
export interface ToldPage {
  readonly items: readonly { readonly start: string; readonly end: string; readonly kind: RecordingKind; readonly bookmarks: readonly ToldBookmark[] }[]
  readonly next?: string | null | undefined
}

/** What an API says of a stretch of time. */
export interface ToldTimeline {
  readonly recorded: readonly { readonly start: string; readonly end: string; readonly kind: string }[]
  readonly gaps: readonly { readonly start: string; readonly end: string | null; readonly reason: string }[]
  readonly bookmarks: readonly ToldBookmark[]
  readonly events: readonly { readonly time: string; readonly type_name_zh: string; readonly type_name_en: string }[]
  readonly mime: string
}

/** Read an API's timeline; a gap that lasts ends at `now`. */
export function dayOf(told: ToldTimeline, named: (zh: string, en: string) => string, now: number): DayRecord {
  return {
    recorded: told.recorded.map((item) => ({ start: Date.parse(item.start), end: Date.parse(item.end), kind: item.kind })),
    gaps: told.gaps.map((item) => ({
      start: Date.parse(item.start),
      end: item.end === null ? now : Date.parse(item.end),
      reason: item.reason,
    })),
    bookmarks: told.bookmarks.map(bookmarkOf),
    marks: told.events.map((item) => ({ at: Date.parse(item.time), name: named(item.type_name_zh, item.type_name_en) })),
    mime: told.mime,
  }
}

function bookmarkOf(told: ToldBookmark): Bookmark {
  return { id: told.id, start: Date.parse(told.start), end: Date.parse(told.end), text: told.text, locked: told.locked, setBy: told.set_by }
}

/** Read an API's answer to a search. */
export function foundOf(told: ToldPage): FoundPage {
  const items = told.items.map((item) => ({
    start: Date.parse(item.start),
    end: Date.parse(item.end),
    kind: item.kind,
    bookmarks: item.bookmarks.map(bookmarkOf),
  }))
  return { items, next: told.next ?? null }
}

export interface SearchQuery {
  readonly kind: RecordingKind | undefined
  readonly locked: boolean | undefined
  readonly text: string
  readonly start: string | undefined
  readonly end: string | undefined
  readonly after: string | undefined
  readonly limit: number
}

/** What an API is asked. */
export function searchQuery(wanted: FootageWanted, after: string | undefined): SearchQuery {
  const { kind, locked, text, start, end } = wanted
  return { kind, locked, text, start: start?.toISOString(), end: end?.toISOString(), after, limit: 50 }
}

/** The addresses below `base`, e.g. `/api/v1/cameras/gate/recordings`. */
export function addresses(base: (camera: string) => string): Pick<FootageSource, 'playAddress' | 'clipAddress' | 'coverAddress'> {
  const stretch = (start: Date, end: Date): string => `start=${start.toISOString()}&end=${end.toISOString()}`
  return {
    playAddress: (camera, { start, end, frames, backward }) =>
      `${base(camera)}/play.mp4?${stretch(start, end)}&frames=${frames}&backward=${backward}`,
    clipAddress: (camera, start, end) => `${base(camera)}/clip.mp4?${stretch(start, end)}`,
    coverAddress: (camera, at) => `${base(camera)}/cover.jpg?at=${at.toISOString()}`,
  }
}
