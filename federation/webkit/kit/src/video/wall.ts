/** Which camera is shown in which window of a wall. */

export const SIZES = [1, 4, 9, 16] as const
export type Size = (typeof SIZES)[number]
export type Windows = readonly (string | null)[]

/** As many windows as the wall has; those that do not fit are left out, new ones are empty. */
export function fitted(windows: Windows, size: Size): (string | null)[] {
  return Array.from({ length: size }, (_, at) => windows[at] ?? null)
}

/** Put a camera into the chosen window, out of any other; the window after it is chosen next. */
export function placed(windows: Windows, id: string, chosen: number): { windows: (string | null)[]; at: number } {
  const fresh = windows.map((shown, at) => (at === chosen ? id : shown === id ? null : shown))
  const free = fresh.findIndex((shown, at) => shown === null && at > chosen)
  return { windows: fresh, at: free >= 0 ? free : (chosen + 1) % fresh.length }
}
