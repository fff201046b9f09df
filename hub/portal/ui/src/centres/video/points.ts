import { answered } from '@fengsui/api'
import { useQuery } from '@tanstack/vue-query'

import { hub, type Point } from '../../hub.ts'

const MOST = 2_000
const PAGE = 200

/** All points, however many pages they fill, up to a bound that a list of names can still show. */
export function useAllPoints(refreshMs: number) {
  return useQuery({ queryKey: ['points', 'video'], queryFn: allPoints, refetchInterval: refreshMs })
}

async function allPoints(): Promise<Point[]> {
  const found: Point[] = []
  let after: string | undefined
  do {
    const query = after === undefined ? { limit: PAGE } : { limit: PAGE, after }
    const page = await answered(hub.GET('/api/v1/points', { params: { query } }))
    found.push(...page.items)
    after = page.next ?? undefined
  } while (after !== undefined && found.length < MOST)
  return found
}
