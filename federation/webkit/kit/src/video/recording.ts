/** What of a camera is recorded, as a form sees it. */

export interface Window {
  days: number[]
  start: string
  end: string
}

export interface Recording {
  readonly calendar: { readonly windows: readonly Window[]; readonly timezone: string } | null
  readonly on_event: boolean
  readonly before_s: number
  readonly after_s: number
  readonly keep_days: number
  /** Fetch what an outage left out from the camera's own record. */
  readonly backfill: boolean
}

export type RecordingMode = 'off' | 'always' | 'calendar'

export const NOT_RECORDED: Recording = { calendar: null, on_event: false, before_s: 5, after_s: 30, keep_days: 30, backfill: false }

/** The same as the API takes it. */
export function recordingBody(recording: Recording) {
  const { calendar, ...rest } = recording
  const windows = calendar?.windows.map((window) => ({ ...window, days: [...window.days] })) ?? []
  return { ...rest, calendar: calendar === null ? null : { windows, timezone: calendar.timezone } }
}

/** A calendar without windows is open always. */
export function modeOf(recording: Recording): RecordingMode {
  if (recording.calendar === null) return 'off'
  return recording.calendar.windows.length === 0 ? 'always' : 'calendar'
}

/** The same in another mode; a calendar begins with the daytime of every day. */
export function withMode(recording: Recording, mode: RecordingMode): Recording {
  const timezone = recording.calendar?.timezone ?? 'Asia/Shanghai'
  if (mode === 'off') return { ...recording, calendar: null }
  if (mode === 'always') return { ...recording, calendar: { windows: [], timezone } }
  const windows = recording.calendar?.windows.length ? recording.calendar.windows : [{ days: [1, 2, 3, 4, 5, 6, 7], start: '08:00:00', end: '20:00:00' }]
  return { ...recording, calendar: { windows, timezone } }
}

/** How good a state of a recording is, for its tag. */
export const RECORDING_TONES = {
  off: 'idle',
  waiting: 'idle',
  armed: 'busy',
  starting: 'busy',
  recording: 'good',
  interrupted: 'warn',
  paused: 'bad',
} as const
