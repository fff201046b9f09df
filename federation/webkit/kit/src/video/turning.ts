/** What a camera shall do now: turn with a speed for some seconds, not any more, or go to a place that it remembers. */
export type TurnOrder =
  | { kind: 'stop' }
  | { kind: 'preset'; preset: string }
  | { kind: 'move'; pan: number; tilt: number; zoom: number; for_s: number }

/** A place that a camera remembers. */
export interface Preset {
  readonly preset: string
  readonly name: string
}

/** Who commands cameras: this box, or the hub that asks a box. Both throw a `Problem`. */
export interface TurnSource {
  readonly presets: (id: string) => Promise<readonly Preset[]>
  readonly turn: (id: string, order: TurnOrder) => Promise<unknown>
}
