import { isUnder } from '../../../components/event-types.ts'
import type { EventRow, Verdict } from '../../../hub.ts'

/** What a key does while an event is open. */
export type KeyAct = { judge: Verdict } | { step: 1 | -1 } | { close: true }

const KEYS: Readonly<Record<string, KeyAct>> = {
  '1': { judge: 'true' },
  '2': { judge: 'false' },
  '3': { judge: 'skipped' },
  '0': { judge: 'pending' },
  ArrowLeft: { step: -1 },
  ArrowRight: { step: 1 },
  Escape: { close: true },
}

/** What the pressed key means; nothing while somebody types or holds a modifier. */
export function actOf(key: { key: string; typing: boolean; modified: boolean }): KeyAct | undefined {
  return key.typing || key.modified ? undefined : KEYS[key.key]
}

/** The event `step` places from the one with `id`; undefined at either end. */
export function beside(rows: readonly EventRow[], id: string, step: 1 | -1): EventRow | undefined {
  const index = rows.findIndex((row) => row.id === id)
  return index < 0 ? undefined : rows[index + step]
}

/** The next event after `id` that still waits for a verdict. */
export function nextPending(rows: readonly EventRow[], id: string): EventRow | undefined {
  const index = rows.findIndex((row) => row.id === id)
  return rows.slice(index + 1).find((row) => row.verdict === 'pending')
}

/** The rows with one of them replaced. */
export function replaced(rows: readonly EventRow[], row: EventRow): EventRow[] {
  return rows.map((other) => (other.id === row.id ? row : other))
}

/** Where it was seen: the point, and the preset at which its camera looked, where that is known. */
export function placeOf(row: Pick<EventRow, 'point_name' | 'preset' | 'preset_name'>): string {
  return row.preset ? `${row.point_name} · ${row.preset_name || row.preset}` : row.point_name
}

export interface Filters {
  readonly type: string
  readonly mapped_code: string
  readonly point_id: string
  readonly text: string
  readonly since: string
  readonly until: string
}

/** Tell whether a row that has just arrived belongs to the list as it is filtered. */
export function belongs(row: EventRow, filters: Filters, verdict: Verdict | undefined): boolean {
  return (
    (verdict === undefined || row.verdict === verdict) &&
    (filters.type === '' || isUnder(row.type, filters.type)) &&
    (filters.mapped_code === '' || row.mapped_code === filters.mapped_code) &&
    (filters.point_id === '' || row.point_id === filters.point_id) &&
    (filters.text === '' || row.point_name.includes(filters.text) || row.id.includes(filters.text)) &&
    (filters.since === '' || row.time >= filters.since) &&
    filters.until === ''
  )
}

/** The row as it is once the picture of that digest has arrived; the very same row if it is not one of its own. */
export function withPicture(row: EventRow, digest: string | undefined): EventRow {
  if (!row.pictures.some((picture) => picture.digest === digest)) return row
  return { ...row, pictures: row.pictures.map((picture) => (picture.digest === digest ? { ...picture, arrived: true } : picture)) }
}
