import type { AlgorithmTemplate, TemplateClass } from '../../hub.ts'

export type TemplateState = AlgorithmTemplate['state']
export const STATES: readonly TemplateState[] = ['bound', 'bindable', 'no_model']
const MOST_NAMES = 6

export interface Wish {
  readonly text: string
  readonly category: string
  readonly state: TemplateState | ''
}

/** The templates that a search, a category and a state leave. */
export function matching(templates: readonly AlgorithmTemplate[], wish: Wish): AlgorithmTemplate[] {
  const text = wish.text.trim().toLowerCase()
  return templates.filter(
    (item) =>
      (text === '' || [item.slug, item.name_zh, item.name_en].some((name) => name.toLowerCase().includes(text))) &&
      (wish.category === '' || item.category === wish.category) &&
      (wish.state === '' || item.state === wish.state),
  )
}

/** How many templates are in each state. */
export function counted(templates: readonly AlgorithmTemplate[]): Record<TemplateState, number> {
  const counts: Record<TemplateState, number> = { bound: 0, bindable: 0, no_model: 0 }
  for (const item of templates) counts[item.state] += 1
  return counts
}

/** The first names of a list of classes, and how many more there are. */
export function shortened(classes: readonly TemplateClass[], name: (item: TemplateClass) => string): { names: string[]; more: number } {
  return { names: classes.slice(0, MOST_NAMES).map(name), more: Math.max(0, classes.length - MOST_NAMES) }
}
