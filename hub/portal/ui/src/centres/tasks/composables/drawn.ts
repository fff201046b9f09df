import { shapesFault, type Shapes } from '@fengsui/ui'

/** What is drawn for a task by the preset of its camera; '' is every view without a drawing of its own. */
export type Drawn = Record<string, Shapes>

export function hasShapes(shapes: Shapes): boolean {
  return shapes.regions.length + shapes.masks.length + shapes.lines.length > 0
}

/** The first fault of all drawings, or ''. */
export function drawnFault(drawn: Drawn): ReturnType<typeof shapesFault> {
  for (const shapes of Object.values(drawn)) {
    const fault = shapesFault(shapes)
    if (fault) return fault
  }
  return ''
}

/** The drawings of presets as the hub takes them. */
export function scenesOf(drawn: Drawn): (Shapes & { preset: string })[] {
  return Object.entries(drawn)
    .filter(([preset, shapes]) => preset !== '' && hasShapes(shapes))
    .map(([preset, shapes]) => ({ preset, ...shapes }))
}
