/** Moments and amounts as people read them: local time, fixed-width digits, units. */

/** What thousandths, seconds, minutes and hours are called. */
export type SpanUnits = readonly [string, string, string, string]

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** `2026-11-24 08:05:09` in the reader's time zone; empty for no moment. */
export function moment(iso: string | null | undefined): string {
  if (!iso) return ''
  return `${day(iso)} ${clock(iso)}`
}

/** `2026-11-24` in the reader's time zone. */
export function day(iso: string): string {
  const at = new Date(iso)
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}

/** `08:05:09` in the reader's time zone. */
export function clock(iso: string): string {
  const at = new Date(iso)
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** `08:05:09.123`, for comparing moments that are milliseconds apart. */
export function fineClock(iso: string): string {
  return `${clock(iso)}.${String(new Date(iso).getMilliseconds()).padStart(3, '0')}`
}

/** Milliseconds from `from` to `to`. */
export function elapsedMs(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from)
}

/** `380 ms`, `2.4 s`, `3 min`, in the units that fit. */
export function inUnits(milliseconds: number, [thousandth, second, minute, hour]: SpanUnits): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ${thousandth}`
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} ${second}`
  if (milliseconds < 3_600_000) return `${Math.round(milliseconds / 60_000)} ${minute}`
  return `${(milliseconds / 3_600_000).toFixed(1)} ${hour}`
}

/** `3.8 MB`, in decimal units. */
export function bytes(size: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = size
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** `1,234`. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** `87%`. */
export function percent(share: number): string {
  return `${Math.round(share * 100)}%`
}
