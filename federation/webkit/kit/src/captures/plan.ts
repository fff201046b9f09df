/** A plan as its form sees it: an interval with a unit, cameras by id, a day with at most one stretch of hours. */

import type { HubSchemas } from '@fengsui/api'

import type { Preset } from '../video/turning.ts'

/** A plan as the API of hub or box gives and takes it. */
export type Plan = HubSchemas['CapturePlanDetail']
export type PlanDraft = HubSchemas['CapturePlanDraft']

/** A camera of which a plan may take pictures; one that `turns` has presets. */
export interface PlanCamera {
  readonly id: string
  readonly name: string
  readonly turns: boolean
}

/** A plan as lists show it; one that is `fixed` cannot be changed here. */
export interface PlanLine {
  readonly id: string
  readonly name: string
  readonly enabled: boolean
  readonly works: boolean
  readonly every_s: number
  readonly cameras: number
  readonly missing: number
  readonly pictures: number
  readonly fixed: boolean
  /** Of the last hour, where that is known. */
  readonly done?: number
  readonly failed?: number
}

/** An algorithm that may look at the pictures of a plan, by its `key` of id and version. */
export interface PlanAlgorithm {
  readonly key: string
  readonly name: string
}

/** Where plans are kept. Its functions tell whether it worked, after they have told a person why not. */
export interface PlanSource {
  readonly find: (id: string) => Promise<Plan | undefined>
  readonly save: (id: string | null, draft: PlanDraft) => Promise<boolean>
  readonly remove: (id: string) => Promise<boolean>
  /** Asks a camera for its presets; absent where nobody can ask. */
  readonly presets?: (id: string) => Promise<readonly Preset[]>
}

export const UNITS = { second: 1, minute: 60, hour: 3600 } as const

interface Window {
  days: number[]
  start: string
  end: string
}

export interface SpecialDay {
  day: string
  open: boolean
  start: string
  end: string
}

/** The presets of a camera that a round visits, in their order; none: the camera is taken as it looks. */
export interface Stops {
  presets: string[]
  dwell_s: number
}

export const HOME_STOPS: Stops = { presets: [], dwell_s: 2 }

export interface PlanForm {
  name: string
  enabled: boolean
  count: number
  unit: keyof typeof UNITS
  points: string[]
  stops: Record<string, Stops>
  windows: Window[]
  special: SpecialDay[]
  /** The service to which pictures go, empty for none; an empty token leaves the present one. */
  url: string
  method: 'POST' | 'PUT'
  token: string
  /** The key of the algorithm that looks at the pictures, empty for none. */
  algorithm: string
}

export const BLANK_PLAN: PlanForm = { name: '', enabled: true, count: 5, unit: 'minute', points: [], stops: {}, windows: [], special: [], url: '', method: 'POST', token: '', algorithm: '' }

/** The key of an algorithm. */
export function algorithmKey(algorithm: { algorithm_id: string; version: string }): string {
  return `${algorithm.algorithm_id} ${algorithm.version}`
}

/** The form of a plan. */
export function formOf(plan: Plan): PlanForm {
  const every = plan.every_s
  const unit = every % 3600 === 0 ? 'hour' : every % 60 === 0 ? 'minute' : 'second'
  const special = (plan.calendar?.special ?? []).map(({ day, hours }) => {
    const first = hours?.[0]
    return { day, open: first !== undefined, start: first?.start ?? '08:00:00', end: first?.end ?? '20:00:00' }
  })
  const windows = (plan.calendar?.windows ?? []).map((window) => ({ days: [...(window.days ?? [])], start: window.start ?? '00:00:00', end: window.end ?? '00:00:00' }))
  const stops: Record<string, Stops> = {}
  for (const round of plan.rounds) {
    const presets = round.stops.flatMap((stop) => (stop.aim?.kind === 'preset' ? [stop.aim.preset] : []))
    if (presets.length > 0) stops[round.point_id] = { presets, dwell_s: round.stops[0]?.dwell_s ?? 0 }
  }
  return { name: plan.name, enabled: plan.enabled ?? true, count: every / UNITS[unit], unit, points: plan.rounds.map((round) => round.point_id), stops, windows, special, url: plan.target?.url ?? '', method: plan.target?.method ?? 'POST', token: '', algorithm: plan.algorithm ? algorithmKey(plan.algorithm) : '' }
}

type Round = PlanDraft['rounds'][number]

/** One stop for each preset, or one as the camera looks; what the form does not show stays as it was. */
function roundOf(point_id: string, wanted: Stops | undefined, before: Round | undefined): Round {
  const presets = wanted?.presets ?? []
  if (presets.length > 0) {
    const dwell_s = wanted?.dwell_s ?? 0
    return { point_id, stops: presets.map((preset) => ({ aim: { kind: 'preset', preset }, region: null, dwell_s })) }
  }
  const shown = before?.stops.some((stop) => stop.aim?.kind === 'preset') ?? false
  return before !== undefined && !shown ? before : { point_id, stops: [{ aim: null, region: null, dwell_s: 0 }] }
}

/** What the form asks for, given the plan before. */
export function draftOf(form: PlanForm, before: Plan | null): PlanDraft {
  const known = new Map((before?.rounds ?? []).map((round) => [round.point_id, round]))
  const [algorithm_id = '', version = ''] = form.algorithm.split(' ')
  const special = form.special.map(({ day, open, start, end }) => ({ day, hours: open ? [{ start, end }] : [] }))
  return {
    name: form.name.trim(),
    enabled: form.enabled,
    every_s: form.count * UNITS[form.unit],
    calendar: { windows: form.windows.map((window) => ({ ...window })), timezone: before?.calendar?.timezone ?? 'Asia/Shanghai', special },
    rounds: form.points.map((point_id) => roundOf(point_id, form.stops[point_id], known.get(point_id))),
    target: form.url.trim() === '' ? null : { url: form.url.trim(), method: form.method, token: form.token || null },
    algorithm: form.algorithm === '' ? null : { algorithm_id, version },
  }
}
