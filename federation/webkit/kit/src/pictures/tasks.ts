/** Picture tasks of one box, as its own panel or its hub asks for them. */

import type { ApplianceComponents } from '@fengsui/api'

type Schemas = ApplianceComponents['schemas']
export type PictureTask = Schemas['Job']
export type PictureTaskDraft = Schemas['JobDraft']

type Points = readonly (readonly number[])[]

export interface PictureDetection {
  readonly label: string
  readonly score: number
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
}

/** What a model sees in a picture and what its rule says, as far as it is shown; boxes of before tell less. */
export interface PictureVerdict {
  readonly width_px: number
  readonly height_px: number
  readonly took_ms: number
  readonly at_s: number
  readonly of_s: number
  readonly fault: string
  readonly unjudged?: string
  readonly detections: readonly PictureDetection[]
  readonly events: readonly { readonly code: string; readonly after_s: number; readonly detections?: readonly PictureDetection[] }[]
  readonly drawn?: { readonly regions: readonly Points[]; readonly masks: readonly Points[]; readonly lines: readonly { readonly points: Points }[] }
}

export interface PictureResult {
  readonly number: number
  readonly name: string
  readonly verdict: PictureVerdict
}

export type PictureSources = Schemas['FootageStore']
export type TaskAct = 'stop' | 'start' | 'again' | 'remove'

/** Where the tasks are. Its functions throw a Problem; `key` tells one box from another. */
export interface PictureTaskSource {
  readonly key: string
  readonly list: () => Promise<readonly PictureTask[]>
  readonly sources: () => Promise<PictureSources>
  /** Bring a file into a batch; returns its name there. */
  readonly upload: (batch: string, name: string, file: File) => Promise<string>
  readonly order: (draft: PictureTaskDraft) => Promise<unknown>
  readonly act: (id: string, act: TaskAct) => Promise<unknown>
  readonly results: (id: string, after: number, limit: number) => Promise<readonly PictureResult[]>
  readonly picture: (id: string, number: number) => string
  /** What people call an algorithm, by its id and version, and a kind of event, by its code. */
  readonly algorithmName: (id: string, version: string) => string
  readonly eventName: (code: string) => string
}

export function hasEnded(task: PictureTask): boolean {
  return task.state !== 'waiting' && task.state !== 'running'
}

/** Whether an event of the verdict is about what was found. */
export function isAbout(verdict: PictureVerdict, found: PictureDetection): boolean {
  return verdict.events.some((event) => (event.detections ?? []).some((each) => placeOf(each) === placeOf(found)))
}

function placeOf(found: PictureDetection): string {
  return [found.label, found.box.x, found.box.y, found.box.width, found.box.height].join(' ')
}

const FAULTS = ['no_picture', 'too_many_pixels', 'too_large', 'no_film', 'film_without_pictures', 'film_cut_off', 'film_damaged', 'address_refuses', 'address_unreachable', 'forbidden_address'] as const

/** The code of why nothing is seen in a picture, null for one that is not known here, and the first two figures in its words. */
export function faultOf(fault: string): { readonly code: (typeof FAULTS)[number] | null; readonly first: string; readonly second: string } {
  const [code, ...words] = fault.split(': ')
  const [first = '', second = ''] = words.join(': ').match(/\d+(\.\d+)?/g) ?? []
  return { code: FAULTS.find((known) => known === code) ?? null, first, second }
}
