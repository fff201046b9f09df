/** A corner of a region, in shares of the picture's width and height. */
export type Corner = [number, number]

/** The index of the corner within `reach` (a share of the width) of a place; -1 if there is none. */
export function nearestCorner(corners: readonly Corner[], place: Corner, reach: number): number {
  let best = -1
  let shortest = reach
  corners.forEach(([x, y], index) => {
    const distance = Math.hypot(x - place[0], y - place[1])
    if (distance <= shortest) [best, shortest] = [index, distance]
  })
  return best
}

/** Tell whether no two edges of the closed outline cross. */
export function isSimple(corners: readonly Corner[]): boolean {
  const edges = corners.map((from, index) => [from, corners[(index + 1) % corners.length] as Corner] as const)
  return edges.every((one, i) =>
    edges.every((other, j) => {
      const apart = Math.abs(i - j)
      return apart <= 1 || apart === edges.length - 1 || !cross(one, other)
    }),
  )
}

function side([ax, ay]: Corner, [bx, by]: Corner, [cx, cy]: Corner): number {
  return Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
}

function cross([a, b]: readonly [Corner, Corner], [c, d]: readonly [Corner, Corner]): boolean {
  return side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b)
}

/** A line that things cross, and which crossings count for who walks from its first point to its last. */
export type Line = {
  points: Corner[]
  counts: 'both' | 'to_right' | 'to_left'
}

/** What is drawn on a picture: where to look, where not to, and lines that things cross. */
export type Shapes = {
  regions: Corner[][]
  masks: Corner[][]
  lines: Line[]
}

export type ShapeKind = keyof Shapes

export function noShapes(): Shapes {
  return { regions: [], masks: [], lines: [] }
}

/** The points of every shape of a kind. */
export function outlines(shapes: Shapes, kind: ShapeKind): Corner[][] {
  return kind === 'lines' ? shapes.lines.map((line) => line.points) : shapes[kind]
}

/** The shapes with the points of one of a kind replaced; one that has no point left is gone, an index past the end is new. */
export function withOutline(shapes: Shapes, kind: ShapeKind, index: number, points: Corner[]): Shapes {
  const kept = (one: Corner[]): boolean => one.length > 0
  if (kind !== 'lines') {
    const all = [...shapes[kind]]
    all[index] = points
    return { ...shapes, [kind]: all.filter(kept) }
  }
  const lines = [...shapes.lines]
  lines[index] = { counts: lines[index]?.counts ?? 'both', points }
  return { ...shapes, lines: lines.filter((line) => kept(line.points)) }
}

/** What is wrong with the shapes: an area of less than 3 corners, a line of less than 2 points, edges that cross; or ''. */
export function shapesFault(shapes: Shapes): '' | 'few' | 'short' | 'crossing' {
  const areas = [...shapes.regions, ...shapes.masks]
  if (areas.some((area) => area.length < 3)) return 'few'
  if (shapes.lines.some((line) => line.points.length < 2)) return 'short'
  return areas.every(isSimple) ? '' : 'crossing'
}

/** A point beside the middle of a segment, `reach` away on the right of who walks along it (the picture's y grows downwards). */
export function besideRight([ax, ay]: Corner, [bx, by]: Corner, reach: number): Corner {
  const length = Math.hypot(bx - ax, by - ay) || 1
  return [(ax + bx) / 2 - ((by - ay) / length) * reach, (ay + by) / 2 + ((bx - ax) / length) * reach]
}
