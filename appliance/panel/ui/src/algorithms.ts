import { answered, type ApplianceComponents } from '@fengsui/api'
import { named } from '@fengsui/kit'
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'

import { appliance } from './appliance.ts'

export type BoxAlgorithm = ApplianceComponents['schemas']['Algorithm']

const RENEW_MS = 10_000

/** Algorithms of this box by the names that people know; an id or code that is not here stands for itself. */
export function useAlgorithms() {
  const { data } = useQuery({ queryKey: ['algorithms'], queryFn: () => answered(appliance.GET('/api/v1/algorithms')), refetchInterval: RENEW_MS })
  const byKey = computed(() => new Map(data.value?.items.map((item) => [`${item.id} ${item.version}`, item])))
  const events = computed(() => new Map(data.value?.items.flatMap((item) => item.events.map((event) => [event.code, named(event.name_zh, event.name_en)] as const))))
  const find = (key: string): BoxAlgorithm | undefined => byKey.value.get(key)
  return {
    /** By id and version with a blank between, as models name who uses them. */
    find,
    algorithmName: (key: string): string => {
      const found = find(key)
      return found ? `${named(found.name_zh, found.name_en)} ${found.version}` : key
    },
    eventName: (code: string): string => events.value.get(code) ?? code,
  }
}
