import { noShapes, type Shapes } from '@fengsui/ui'

/** What is drawn for one view of a camera: a preset, or with null wherever it looks. */
export interface Scene extends Shapes {
  preset: string | null
}

/** The shapes of a view; an empty `preset` is every view without a scene of its own. */
export function drawnAt(scenes: readonly Scene[], preset: string): Shapes {
  const scene = scenes.find((one) => (one.preset ?? '') === preset)
  return scene ? { regions: scene.regions, masks: scene.masks, lines: scene.lines } : noShapes()
}

/** The scenes with one of them kept; one without shapes is gone. */
export function withDrawn(scenes: readonly Scene[], scene: Scene): Scene[] {
  const others = scenes.filter((one) => one.preset !== scene.preset)
  return scene.regions.length + scene.masks.length + scene.lines.length === 0 ? others : [...others, scene]
}

/** How often to look at the camera, and to take a new picture of it, after it was sent to a preset, in ms. */
export const LOOK_EVERY_MS = 1000
export const SETTLED_MS = 2500
