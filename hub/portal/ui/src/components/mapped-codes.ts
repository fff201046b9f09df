import { answered } from '@fengsui/api'
import { useQuery } from '@tanstack/vue-query'
import { computed, type ComputedRef } from 'vue'

import { hub } from '../hub.ts'

/** The codes that kinds of event are mapped to now, and what each is called. */
export function useMappedCodes(): { codes: ComputedRef<string[]>; label: (code: string) => string } {
  const { data } = useQuery({ queryKey: ['event-code-mappings'], queryFn: () => answered(hub.GET('/api/v1/event-code-mappings')) })
  const names = computed(() => new Map(data.value?.map((each) => [each.mapped_code, each.name])))
  const codes = computed(() => [...names.value.keys()])
  return { codes, label: (code) => [code, names.value.get(code)].filter(Boolean).join(' ') }
}
