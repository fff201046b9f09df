/** Cameras to choose from, and which of them is shown in which window of a wall. */

/** `path` is that of the live WebSocket, `picture` that of the newest still; cameras of one `group` stand together. */
export interface WallCamera {
  readonly id: string
  readonly name: string
  readonly group: string
  readonly state: string
  readonly path: string
  readonly picture: string
}

export interface CameraGroup {
  readonly name: string
  readonly cameras: readonly WallCamera[]
  readonly live: number
}

/** The cameras by group, both in their alphabetical order; those without a group stand last. */
export function grouped(cameras: readonly WallCamera[]): CameraGroup[] {
  const found = new Map<string, WallCamera[]>()
  for (const camera of cameras) found.set(camera.group, [...(found.get(camera.group) ?? []), camera])
  return [...found]
    .sort(([a], [b]) => Number(a === '') - Number(b === '') || a.localeCompare(b))
    .map(([name, members]) => ({
      name,
      cameras: [...members].sort((a, b) => a.name.localeCompare(b.name)),
      live: members.filter((camera) => camera.state === 'live').length,
    }))
}

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
