import { createI18n } from 'vue-i18n'
import { ref, watch } from 'vue'

import { kitMessages } from './messages.ts'
import { tellerOfMissing } from './missing-texts.ts'
import { recall, remember } from './memory.ts'

export const LANGUAGES = ['zh-CN', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

/** A tree of texts; English has the same shape as Chinese. */
export type Texts = { readonly [key: string]: string | Texts }
export type TextsOf<Shape extends Texts> = {
  readonly [Key in keyof Shape]: Shape[Key] extends Texts ? TextsOf<Shape[Key]> : string
}
export interface Bilingual {
  readonly 'zh-CN': Texts
  readonly en: Texts
}

/** Pair Chinese texts with their English ones; a missing or surplus key does not compile. */
export function bilingual<Shape extends Texts>(zh: Shape, en: TextsOf<Shape>): Bilingual {
  return { 'zh-CN': zh, en }
}

export function isLanguage(value: unknown): value is Language {
  return LANGUAGES.some((known) => known === value)
}

const remembered = recall('language')
export const language = ref<Language>(isLanguage(remembered) ? remembered : 'zh-CN')

export const i18n = createI18n({
  legacy: false,
  locale: language.value,
  fallbackLocale: 'zh-CN',
  missing: tellerOfMissing((words) => console.error(words)),
  messages: { 'zh-CN': {}, en: {} },
})

watch(
  language,
  (chosen) => {
    i18n.global.locale.value = chosen
    document.documentElement.lang = chosen
    remember('language', chosen)
  },
  { immediate: true },
)

/** Add texts under their own top-level keys. */
export function addTexts(texts: Bilingual): void {
  for (const name of LANGUAGES) i18n.global.mergeLocaleMessage(name, texts[name])
}

addTexts(kitMessages)

/** Translate outside of components. */
export function translate(key: string, values: Record<string, unknown> = {}): string {
  return i18n.global.t(key, values)
}

export function translates(key: string): boolean {
  return i18n.global.te(key) || i18n.global.te(key, 'zh-CN')
}

/** Pick the name in the reader's language from a record that carries both. */
export function named(zh: string, en: string): string {
  return language.value === 'zh-CN' ? zh || en : en || zh
}

/** What a model calls a thing that it found, in the reader's language; a word that we do not know stays as it is. */
export function foundName(label: string): string {
  return translates(`found.${label}`) ? translate(`found.${label}`) : label
}
