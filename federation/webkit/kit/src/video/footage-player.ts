import { MediaFeed, plays } from './media.ts'

const START_HEADER = 'Fengsui-Start'
const AHEAD_S = 20
const TICK_MS = 200
const STRETCH_MS = 3_600_000
/** From this speed on nobody sees more than key frames. */
const KEY_FRAMES_FROM = 8

/** How fast, and in which direction: negative is backward. */
export const SPEEDS = [-16, -4, -1, 0.25, 0.5, 1, 2, 4, 8, 16] as const
export type Speed = (typeof SPEEDS)[number]

export interface Played {
  readonly start: Date
  readonly end: Date
  readonly frames: 'all' | 'key'
  readonly backward: boolean
}

export interface FootageStatus {
  readonly phase: 'idle' | 'loading' | 'playing' | 'ended' | 'nothing' | 'unsupported' | 'failed'
  readonly detail: string
  readonly mime: string
}

/** What to ask for so that `speed` can be shown from `at` on. */
export function stretchOf(at: Date, speed: Speed): Played {
  const backward = speed < 0
  const end = new Date(at.getTime() + (backward ? -STRETCH_MS : STRETCH_MS))
  return { start: at, end, frames: backward || speed >= KEY_FRAMES_FROM ? 'key' : 'all', backward }
}

/** Plays recordings in a video element from any moment on, at any speed, forward and backward. */
export class FootagePlayer {
  private feed: MediaFeed | null = null
  private loading: AbortController | null = null
  private zero = 0
  private backward = false
  private seekTo: number | null = null
  private complete = false
  private readonly ticking: number
  private status: FootageStatus = { phase: 'idle', detail: '', mime: '' }
  speed: Speed = 1

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly address: (played: Played) => string,
    private readonly told: (status: FootageStatus) => void,
  ) {
    this.ticking = window.setInterval(() => this.tick(), TICK_MS)
  }

  /** The moment that is shown now, in milliseconds since 1970. */
  get position(): number {
    const shown = this.video.currentTime * 1000
    return this.zero + (this.backward ? -shown : shown)
  }

  get paused(): boolean {
    return this.video.paused
  }

  /** Play from a moment on. */
  play(at: Date, speed: Speed = this.speed): void {
    this.stop()
    const played = stretchOf(at, speed)
    this.speed = speed
    this.backward = played.backward
    this.zero = at.getTime()
    this.complete = false
    this.tell({ phase: 'loading', detail: '' })
    const loading = new AbortController()
    this.loading = loading
    this.load(played, loading.signal).catch((error: unknown) => {
      if (!loading.signal.aborted) this.tell({ phase: 'failed', detail: error instanceof Error ? error.message : '' })
    })
  }

  pause(): void {
    this.video.pause()
  }

  resume(): void {
    if (this.status.phase === 'playing') void this.video.play().catch(() => undefined)
    else this.play(new Date(this.position))
  }

  stop(): void {
    this.loading?.abort()
    this.loading = null
    this.feed?.close()
    this.feed = null
  }

  close(): void {
    this.stop()
    window.clearInterval(this.ticking)
  }

  private async load(played: Played, signal: AbortSignal): Promise<void> {
    const response = await fetch(this.address(played), { signal, credentials: 'same-origin' })
    if (!response.ok || response.body === null) {
      await this.refused(response)
      return
    }
    const mime = response.headers.get('Content-Type') ?? ''
    if (!plays(mime)) {
      this.stop()
      this.tell({ phase: 'unsupported', mime })
      return
    }
    this.zero = Date.parse(response.headers.get(START_HEADER) ?? played.start.toISOString())
    this.seekTo = played.backward ? null : Math.max(0, (played.start.getTime() - this.zero) / 1000)
    const feed = new MediaFeed(this.video, mime, () => this.tell({ phase: 'failed' }))
    this.feed = feed
    this.tell({ mime })
    await this.pour(response.body.getReader(), feed, signal)
  }

  /** Hand the stream to the browser no faster than it is shown: the box reads its disk no faster then. */
  private async pour(reader: ReadableStreamDefaultReader<Uint8Array>, feed: MediaFeed, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read()
      if (signal.aborted) return
      if (done) break
      feed.append(value)
      while (feed.aheadS > AHEAD_S * Math.max(1, Math.abs(this.speed)) && !signal.aborted) await pause(TICK_MS)
    }
    this.complete = true
    feed.end()
  }

  private async refused(response: Response): Promise<void> {
    const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string }
    const nothing = problem.code === 'nothing_recorded'
    this.tell({ phase: nothing ? 'nothing' : 'failed', detail: nothing ? '' : (problem.detail ?? `${response.status}`) })
  }

  private tick(): void {
    const { video, feed } = this
    if (feed === null || video.readyState === 0) return
    if (this.seekTo !== null && video.buffered.length > 0 && video.buffered.end(0) > this.seekTo) {
      video.currentTime = Math.max(video.buffered.start(0), this.seekTo)
      this.seekTo = null
      video.playbackRate = Math.abs(this.speed)
      void video.play().catch(() => undefined)
    } else if (this.seekTo === null && video.buffered.length > 0 && this.status.phase === 'loading') {
      video.playbackRate = Math.abs(this.speed)
      void video.play().catch(() => undefined)
    }
    if (video.readyState >= 2 && this.seekTo === null) {
      if (this.status.phase === 'loading') this.tell({ phase: 'playing' })
      feed.skipHole()
    }
    if (this.complete && (video.ended || feed.aheadS < 0.05) && this.status.phase === 'playing') this.tell({ phase: 'ended' })
  }

  private tell(change: Partial<FootageStatus>): void {
    this.status = { ...this.status, ...change }
    this.told(this.status)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    window.setTimeout(resolve, ms)
  })
}
