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
