import { answered } from '@fengsui/api'
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'

import { hub } from '../../../hub.ts'

/** What the hub takes as a site: 1 to 64 of a-z, 0-9, dot, underscore and hyphen. */
export const SITE_NAME = /^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$/

/** The places where nodes stand, by name. */
export function useSites() {
  const { data } = useQuery({ queryKey: ['sites'], queryFn: () => answered(hub.GET('/api/v1/sites')), staleTime: 10_000 })
  return computed(() => data.value?.items.map((row) => row.site) ?? [])
}
