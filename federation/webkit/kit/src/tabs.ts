import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { recall, remember } from './memory.ts'

/** One open page; `title` is an i18n key, `note` tells pages of the same kind apart. */
export interface Tab {
  readonly path: string
  readonly fullPath: string
  readonly title: string
  readonly note: string
}

const MOST = 12

/** Open `tab`, or bring its newest address up to date; the oldest makes room, the first is pinned. */
export function opened(tabs: readonly Tab[], tab: Tab): Tab[] {
  const known = tabs.findIndex((other) => other.path === tab.path)
  if (known >= 0) return tabs.map((other, index) => (index === known ? tab : other))
  const kept = tabs.length >= MOST ? [...tabs.slice(0, 1), ...tabs.slice(2)] : tabs
  return [...kept, tab]
}

/** Where to go when the tab at `path` closes while it is shown: its right neighbour, else its left. */
export function neighbour(tabs: readonly Tab[], path: string): Tab | undefined {
  const index = tabs.findIndex((tab) => tab.path === path)
  return tabs[index + 1] ?? tabs[index - 1]
}

export function isTab(value: unknown): value is Tab {
  if (typeof value !== 'object' || value === null) return false
  const given = value as Record<string, unknown>
  return ['path', 'fullPath', 'title', 'note'].every((key) => typeof given[key] === 'string')
}

export const useTabs = defineStore('tabs', () => {
  const tabs = ref<Tab[]>([])
  const paths = computed(() => tabs.value.map((tab) => tab.path))
  let owner = ''

  /** Take the tabs that this person left open. */
  function take(username: string, home: Tab): void {
    owner = username
    const left = recall(`tabs.${username}`)
    const usable = Array.isArray(left) ? left.filter(isTab).filter((tab) => tab.path !== home.path) : []
    tabs.value = [home, ...usable.slice(0, MOST - 1)]
  }

  function open(tab: Tab): void {
    keep(opened(tabs.value, tab))
  }

  function close(path: string): void {
    keep(tabs.value.filter((tab, index) => index === 0 || tab.path !== path))
  }

  function closeOthers(path: string): void {
    keep(tabs.value.filter((tab, index) => index === 0 || tab.path === path))
  }

  function keep(next: Tab[]): void {
    tabs.value = next
    remember(`tabs.${owner}`, next)
  }

  return { tabs, paths, take, open, close, closeOthers }
})
