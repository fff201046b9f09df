import { pauseMs } from '../live.ts'
import { MediaFeed, plays } from './media.ts'

const SILENT_MS = 8_000
const TICK_MS = 500
const SIGNED_OUT = 4401
const FAR_BEHIND_S = 3
const BEHIND_S = 0.8

/** What is known of a live view: of the way here, and of the camera at its other end. */
export interface LiveStatus {
  readonly phase: 'connecting' | 'playing' | 'unsupported'
  /** State of the camera as its box tells it; empty until it does. */
  readonly state: string
  readonly reason: string
  /** Why the camera's pictures cannot be shown live; a code and a sentence. */
  readonly fault: string
  readonly mime: string
}

export const NOTHING_YET: LiveStatus = { phase: 'connecting', state: '', reason: '', fault: '', mime: '' }

type Told = (status: LiveStatus) => void

/** Shows a camera in a video element, comes back by itself, and stays near the present. */
export class LivePlayer {
  private status = NOTHING_YET
  private socket: WebSocket | null = null
  private feed: MediaFeed | null = null
  private failures = 0
  private heardAt = 0
  private retry: number | undefined
  private readonly ticking: number
  private closed = false

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly path: string,
    private readonly told: Told,
    private readonly onSignedOut: () => void,
  ) {
    this.ticking = window.setInterval(() => this.tick(), TICK_MS)
    this.connect()
  }

  close(): void {
    this.closed = true
    window.clearInterval(this.ticking)
    this.drop()
  }

  private connect(): void {
    const scheme = window.location.protocol === 'https:' ? 'wss:' : 'ws:'
    const socket = new WebSocket(`${scheme}//${window.location.host}${this.path}`)
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    this.heardAt = Date.now()
    socket.onmessage = (message) => {
      if (this.socket !== socket) return
      this.heardAt = Date.now()
      if (typeof message.data === 'string') this.takeState(message.data)
      else if (message.data instanceof ArrayBuffer) this.takePicture(new Uint8Array(message.data))
    }
    socket.onclose = (event) => {
      if (this.socket !== socket) return
      if (event.code === SIGNED_OUT) this.onSignedOut()
      else this.again()
    }
  }

  private takeState(text: string): void {
    try {
      const told = JSON.parse(text) as Partial<LiveStatus>
      this.tell({ state: told.state ?? '', reason: told.reason ?? '', fault: told.fault ?? '' })
    } catch {
      // What is no JSON says nothing.
    }
  }

  private takePicture(content: Uint8Array): void {
    if (content[0] === 0) this.begin(content)
    else if (this.feed !== null) {
      this.failures = 0
      this.feed.append(content.subarray(1))
    }
  }

  private begin(content: Uint8Array): void {
    const end = 2 + (content[1] ?? 0)
    const mime = String.fromCharCode(...content.subarray(2, end))
    if (!plays(mime)) {
      this.drop()
      this.tell({ phase: 'unsupported', mime })
      return
    }
    // A new beginning may count its time anew: a box or a relay has started again.
    this.feed?.close()
    this.feed = new MediaFeed(this.video, mime, () => this.again())
    this.feed.append(content.subarray(end))
    this.tell({ mime })
  }

  private tick(): void {
    if (this.closed || this.socket === null) return
    const silent = Date.now() - this.heardAt > SILENT_MS
    if (silent && (this.status.state === 'live' || this.status.state === '')) {
      this.again()
      return
    }
    if (this.feed !== null) this.stayNear()
  }

  /** Catch up gently with what has arrived, or jump where it is far ahead. */
  private stayNear(): void {
    const { video } = this
    const ranges = video.buffered
    if (ranges.length === 0) return
    const end = ranges.end(ranges.length - 1)
    const behind = end - video.currentTime
    if (behind > FAR_BEHIND_S || video.currentTime < ranges.start(ranges.length - 1)) {
      video.currentTime = Math.max(ranges.start(ranges.length - 1), end - 0.2)
    }
    video.playbackRate = behind > BEHIND_S ? 1.1 : 1
    if (video.paused) void video.play().catch(() => undefined)
    if (video.readyState >= 2) this.tell({ phase: 'playing' })
  }

  private again(): void {
    this.drop()
    if (this.closed) return
    this.failures += 1
    this.tell({ phase: 'connecting' })
    this.retry = window.setTimeout(() => this.connect(), pauseMs(this.failures))
  }

  private drop(): void {
    window.clearTimeout(this.retry)
    const { socket, feed } = this
    this.socket = null
    this.feed = null
    socket?.close()
    feed?.close()
  }

  private tell(change: Partial<LiveStatus>): void {
    const next = { ...this.status, ...change }
    const same = (Object.keys(next) as (keyof LiveStatus)[]).every((key) => next[key] === this.status[key])
    if (same) return
    this.status = next
    this.told(next)
  }
}
