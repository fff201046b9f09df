import { readonly, ref } from 'vue'

/** Below this width a page is read on a phone: the menu lies over it, tables keep no column fixed. */
const NARROW = window.matchMedia('(max-width: 800px)')
const narrow = ref(NARROW.matches)
NARROW.addEventListener('change', (event) => {
  narrow.value = event.matches
})

/** Whether the window is as narrow as a phone, now and whenever that changes. */
export const isNarrow = readonly(narrow)
