import { answered } from '@fengsui/api'
import { showProblem, useLive } from '@fengsui/kit'
import { computed, ref, shallowRef, watch, type Ref } from 'vue'

import { hub, type EventRow, type Verdict } from '../../../hub.ts'
import { belongs, replaced, withPicture, type Filters } from './judging.ts'

const PER_LOAD = 40
const MOST_WAITING = 500

/** The list of events: loaded step by step, kept current without losing the reader's place. */
export function useEventList(filters: Ref<Filters>, verdict: Ref<Verdict | undefined>) {
  const rows = shallowRef<EventRow[]>([])
  const arrived = shallowRef<EventRow[]>([])
  const next = ref<string | null>(null)
  const loading = ref(false)
  const loaded = ref(false)
  let turn = 0

  async function fetchPage(after: string | undefined): Promise<void> {
    const mine = ++turn
    loading.value = true
    try {
      const given = Object.fromEntries(Object.entries(filters.value).filter(([, value]) => value !== ''))
      const query = { ...given, verdict: verdict.value, limit: PER_LOAD, after }
      const page = await answered(hub.GET('/api/v1/events', { params: { query } }))
      if (mine !== turn) return
      rows.value = after === undefined ? page.items : [...rows.value, ...page.items]
      next.value = page.next ?? null
      if (after === undefined) arrived.value = []
      loaded.value = true
    } catch (problem) {
      if (mine === turn) showProblem(problem)
    } finally {
      if (mine === turn) loading.value = false
    }
  }

  function showArrived(): void {
    rows.value = [...arrived.value, ...rows.value]
    arrived.value = []
  }

  function put(row: EventRow): void {
    rows.value = replaced(rows.value, row)
    arrived.value = replaced(arrived.value, row)
  }

  watch([filters, verdict], () => void fetchPage(undefined), { immediate: true, deep: true })
  useLive<EventRow>('event.created', (row) => {
    const known = [...rows.value, ...arrived.value].some((other) => other.id === row.id)
    if (!known && belongs(row, filters.value, verdict.value)) arrived.value = [row, ...arrived.value].slice(0, MOST_WAITING)
  })
  useLive<EventRow>('event.judged', put)
  useLive<{ digest?: string }>('picture.arrived', ({ digest }) => {
    rows.value = rows.value.map((row) => withPicture(row, digest))
    arrived.value = arrived.value.map((row) => withPicture(row, digest))
  })
  useLive('feed.resumed', () => void fetchPage(undefined))

  return {
    rows,
    arrived: computed(() => arrived.value.length),
    loading,
    loaded,
    hasMore: computed(() => next.value !== null),
    showArrived,
    put,
    reload: () => fetchPage(undefined),
    more: () => (next.value === null || loading.value ? Promise.resolve() : fetchPage(next.value)),
  }
}
