import type { EventKind } from '../hub.ts'

export interface TypeChoice {
  readonly kind: EventKind
  readonly depth: number
  readonly gathers: boolean
}

/** Kinds of event as a list of choices: each that gathers several stands before them; one that gathers a single other is left out. */
export function choices(kinds: readonly EventKind[]): TypeChoice[] {
  const below = new Map<string, EventKind[]>()
  for (const kind of kinds) if (kind.parent) below.set(kind.parent, [...(below.get(kind.parent) ?? []), kind])
  const codes = new Set(kinds.map((kind) => kind.code))

  function listed(kind: EventKind, depth: number): TypeChoice[] {
    const children = below.get(kind.code) ?? []
    const [only, ...others] = children
    if (only && others.length === 0 && !kind.parent) return listed(only, depth)
    return [{ kind, depth, gathers: children.length > 0 }, ...children.flatMap((child) => listed(child, depth + 1))]
  }
  return kinds.filter((kind) => !kind.parent || !codes.has(kind.parent)).flatMap((kind) => listed(kind, 0))
}

/** Whether an event of `code` is one of `wanted`: that very code, or one that it gathers. */
export function isUnder(code: string, wanted: string): boolean {
  return code === wanted || code.startsWith(`${wanted}/`)
}
