import type { QueryKey } from '@tanstack/vue-query'
import { useQuery } from '@tanstack/vue-query'
import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'

/** One page of a list as the API answers it. */
export interface ListPage<Item> {
  readonly items: Item[]
  readonly next: string | null
  readonly total: number | null
}

export interface Pages<Item> {
  readonly items: ComputedRef<Item[]>
  readonly total: ComputedRef<number | null>
  readonly loading: Ref<boolean>
  readonly problem: Ref<unknown>
  readonly number: ComputedRef<number>
  readonly hasNext: ComputedRef<boolean>
  readonly forward: () => void
  readonly back: () => void
  readonly reload: () => Promise<unknown>
}

/** Walk a list by its cursors; a change of `key` starts again at the first page. */
export function usePages<Item>(
  key: () => QueryKey,
  fetchPage: (after: string | undefined) => Promise<ListPage<Item>>,
  options: { refreshMs?: number } = {},
): Pages<Item> {
  const cursors = ref<string[]>([])
  watch(
    () => JSON.stringify(key()),
    () => {
      cursors.value = []
    },
  )
  const after = computed(() => cursors.value[cursors.value.length - 1])
  const query = useQuery({
    queryKey: computed(() => [...key(), after.value ?? '']),
    queryFn: () => fetchPage(after.value),
    placeholderData: (before: ListPage<Item> | undefined) => before,
    refetchInterval: options.refreshMs ?? false,
  })
  const page = computed(() => query.data.value as ListPage<Item> | undefined)
  return {
    items: computed(() => page.value?.items ?? []),
    total: computed(() => page.value?.total ?? null),
    loading: query.isPending,
    problem: query.error,
    number: computed(() => cursors.value.length + 1),
    hasNext: computed(() => (page.value?.next ?? null) !== null),
    forward: () => {
      const next = page.value?.next
      if (next) cursors.value = [...cursors.value, next]
    },
    back: () => {
      cursors.value = cursors.value.slice(0, -1)
    },
    reload: () => query.refetch(),
  }
}
