export const LARGEST_REQUEST_BYTES = 32_768
export const LARGEST_REPORT_BYTES = 1 << 20
const MOST_SPANS = 4

/** `3、7–9 …`: numbers as people read them, the first few of many. */
export function spansText(spans: readonly (readonly number[])[]): string {
  const shown = spans.slice(0, MOST_SPANS).map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`))
  return shown.join(', ') + (spans.length > MOST_SPANS ? ' …' : '')
}
