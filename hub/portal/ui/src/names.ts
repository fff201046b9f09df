import { answered } from '@fengsui/api'
import { named } from '@fengsui/kit'
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'

import { hub } from './hub.ts'

const RENEW_MS = 30_000

/** Every algorithm of the repository, as names and lists of choices need it. */
export function useAlgorithmBriefs() {
  return useQuery({ queryKey: ['algorithms', 'briefs'], queryFn: () => answered(hub.GET('/api/v1/algorithm-briefs')), staleTime: RENEW_MS }).data
}

/** The names that people gave nodes, points and algorithms; an id that is gone stands for itself. */
export function useNames() {
  const { data: nodes } = useQuery({ queryKey: ['nodes', 'names'], queryFn: () => answered(hub.GET('/api/v1/nodes')), staleTime: RENEW_MS })
  const { data: points } = useQuery({ queryKey: ['points', 'map'], queryFn: () => answered(hub.GET('/api/v1/points/map')), staleTime: RENEW_MS })
  const algorithms = useAlgorithmBriefs()
  const byNode = computed(() => new Map(nodes.value?.items.map((node) => [node.id, node.name])))
  const byPoint = computed(() => new Map(points.value?.ids.map((id, at) => [id, points.value?.names[at] ?? id])))
  const byAlgorithm = computed(() => new Map(algorithms.value?.map((item) => [item.id, item])))
  return {
    nodeChoices: computed(() => nodes.value?.items.map(({ id, name }) => ({ id, name })) ?? []),
    nodeName: (id: string) => byNode.value.get(id) ?? id,
    pointName: (id: string) => byPoint.value.get(id) ?? id,
    algorithmName: (id: string) => {
      const found = byAlgorithm.value.get(id)
      return found ? named(found.name_zh, found.name_en) : id
    },
  }
}
