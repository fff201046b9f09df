import { named } from '@fengsui/kit'

import type { PackageText } from './presentation.ts'

/** A text of a package in the reader's language; empty where there is none. */
export function said(text: PackageText): string {
  return text ? named(text.zh, text.en) : ''
}
