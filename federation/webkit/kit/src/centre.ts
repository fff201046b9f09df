import type { Component } from 'vue'

import type { Bilingual } from './language.ts'

/** One page of a centre. */
export interface CentrePage {
  /** Address within the app, e.g. `/nodes/:id`. */
  readonly path: string
  /** i18n key of the title on its tab. */
  readonly title: string
  readonly load: () => Promise<{ default: Component }>
  readonly permission?: string
  /** The page is dark and fills the whole area. */
  readonly immersive?: boolean
}

/** An entry of the left menu. */
export interface MenuEntry {
  readonly path: string
  readonly title: string
  readonly icon: Component
  readonly permission?: string
  /** Entries with the same group stand together under its title. */
  readonly group?: string
}

/** A part of the product: its pages, its place in the menu and its texts. */
export interface Centre {
  readonly name: string
  readonly pages: readonly CentrePage[]
  readonly menu: readonly MenuEntry[]
  readonly texts: Bilingual
}
