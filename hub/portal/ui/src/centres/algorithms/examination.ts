import { answered } from '@fengsui/api'
import { useQuery } from '@tanstack/vue-query'
import { computed, type ComputedRef } from 'vue'

import { hub, type Criterion, type Finding } from '../../hub.ts'

export interface Judged extends Criterion, Finding {}

/** What packages are examined for, by code; it changes with the hub's version only. */
export function useCriteria(): ComputedRef<Map<string, Criterion>> {
  const { data } = useQuery({ queryKey: ['package-criteria'], queryFn: () => answered(hub.GET('/api/v1/package-criteria')), staleTime: Infinity })
  return computed(() => new Map(data.value?.map((item) => [item.code, item])))
}

/** The findings with what they are about; a code that the hub does not know is left out. */
export function judged(findings: readonly Finding[], criteria: ReadonlyMap<string, Criterion>): Judged[] {
  return findings.flatMap((finding) => {
    const criterion = criteria.get(finding.code)
    return criterion ? [{ ...criterion, ...finding }] : []
  })
}

/** How many warnings stand beside a version that was let in. */
export function warningCount(findings: readonly Finding[]): number {
  return findings.filter((finding) => finding.outcome === 'failed').length
}
