import Supercluster from 'supercluster'

/** The columns of GET /api/v1/points/map. */
export interface PointColumns {
  readonly ids: readonly string[]
  readonly names: readonly string[]
  readonly longitudes: readonly number[]
  readonly latitudes: readonly number[]
  readonly states: readonly (string | null)[]
}

export interface PointMark {
  readonly index: number
  readonly live: number
}

/** Index the points for clustering; each cluster counts its live points. */
export function clustersOf(points: PointColumns): Supercluster<PointMark, { live: number }> {
  const index = new Supercluster<PointMark, { live: number }>({
    radius: 56,
    maxZoom: 15,
    map: (mark) => ({ live: mark.live }),
    reduce: (sum, mark) => {
      sum.live += mark.live
    },
  })
  return index.load(
    points.ids.map((_, at) => ({
      type: 'Feature',
      properties: { index: at, live: points.states[at] === 'live' ? 1 : 0 },
      geometry: { type: 'Point', coordinates: [points.longitudes[at] ?? 0, points.latitudes[at] ?? 0] },
    })),
  )
}

export const STATE_COLOURS: Readonly<Record<string, string>> = {
  live: '#2ee6a8',
  connecting: '#4c9dff',
  stalled: '#ffb53a',
  refused: '#ff5c5c',
  unreachable: '#ff5c5c',
  idle: '#7286a8',
  none: '#7286a8',
}
