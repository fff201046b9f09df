import type { Played } from './footage-player.ts'
import type { DayRecord } from './timeline.ts'

export interface FootageCamera {
  readonly id: string
  readonly name: string
}

/** A stretch that is kept until somebody unlocks it. */
export interface LockedStretch {
  readonly id: string
  readonly start: string
  readonly end: string
  readonly reason: string
  readonly locked_by: string
}

/** Where recordings come from; panel and portal each have their own. */
export interface FootageSource {
  day(camera: string, start: Date, end: Date): Promise<DayRecord>
  /** Which days, as `2026-03-01`, have recordings of a camera, of the `days` from `first` on. */
  daysWith(camera: string, first: string, days: number): Promise<readonly string[]>
  playAddress(camera: string, played: Played): string
  clipAddress(camera: string, start: Date, end: Date): string
  coverAddress(camera: string, at: Date): string
  /** What is locked of a camera on whatever day, the latest first, with `text` in its reason; at most 200. */
  locks(camera: string, text: string): Promise<readonly LockedStretch[]>
  lock(camera: string, start: Date, end: Date, reason: string): Promise<void>
  unlock(camera: string, lock: string): Promise<void>
}

/** What an API says of a stretch of time. */
export interface ToldTimeline {
  readonly recorded: readonly { readonly start: string; readonly end: string; readonly kind: string }[]
  readonly gaps: readonly { readonly start: string; readonly end: string | null; readonly reason: string }[]
  readonly locks: readonly { readonly id: string; readonly start: string; readonly end: string; readonly reason: string }[]
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
    locks: told.locks.map((item) => ({ id: item.id, start: Date.parse(item.start), end: Date.parse(item.end), reason: item.reason })),
    marks: told.events.map((item) => ({ at: Date.parse(item.time), name: named(item.type_name_zh, item.type_name_en) })),
    mime: told.mime,
  }
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
