/** One track of MP4, appended piece by piece to a video element. */

const KEPT_BEHIND_S = 10
const MOST_WAITING_BYTES = 64 * 2 ** 20

/** Whether this browser plays a track of that type; H.265 is mostly not. */
export function plays(mime: string): boolean {
  return 'MediaSource' in window && MediaSource.isTypeSupported(mime)
}

/** The name people know a track's codec by. */
export function codecName(mime: string): string {
  return /avc[13]/.test(mime) ? 'H.264' : /hvc1|hev1/.test(mime) ? 'H.265' : mime
}

export class MediaFeed {
  private readonly source = new MediaSource()
  private readonly address = URL.createObjectURL(this.source)
  private readonly waiting: Uint8Array[] = []
  private waitingBytes = 0
  private buffer: SourceBuffer | null = null
  private ending = false
  private closed = false

  /**
   * A browser that does not play `mime` must not be asked. `onFailure` is called once, when nothing more can be
   * appended; start a new feed then.
   */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly mime: string,
    private readonly onFailure: () => void,
  ) {
    this.source.addEventListener('sourceopen', () => this.pump(), { once: true })
    video.src = this.address
  }

  append(content: Uint8Array): void {
    this.waiting.push(content)
    this.waitingBytes += content.byteLength
    if (this.waitingBytes > MOST_WAITING_BYTES) this.fail()
    else this.pump()
  }

  /** No more will come. */
  end(): void {
    this.ending = true
    this.pump()
  }

  /** Seconds that are there after the present position. */
  get aheadS(): number {
    const ranges = this.video.buffered
    return ranges.length === 0 ? 0 : ranges.end(ranges.length - 1) - this.video.currentTime
  }

  /** Skip a hole at the present position, if pictures follow behind it; say whether there was one. */
  skipHole(): boolean {
    const { buffered, currentTime } = this.video
    for (let at = 0; at < buffered.length; at += 1) {
      if (currentTime >= buffered.start(at) - 0.01 && currentTime < buffered.end(at) - 0.1) return false
      if (buffered.start(at) > currentTime) {
        this.video.currentTime = buffered.start(at)
        return true
      }
    }
    return false
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    URL.revokeObjectURL(this.address)
    this.video.removeAttribute('src')
    this.video.load()
  }

  private pump(): void {
    if (this.closed || this.source.readyState !== 'open') return
    if (this.buffer === null && !this.addBuffer()) return
    if (this.buffer === null || this.buffer.updating) return
    if (this.waiting.length > 0) this.appendWaiting(this.buffer)
    else if (this.ending) this.attempt(() => this.source.endOfStream())
  }

  private addBuffer(): boolean {
    this.attempt(() => {
      this.buffer = this.source.addSourceBuffer(this.mime)
      this.buffer.addEventListener('updateend', () => this.updated())
      this.buffer.addEventListener('error', () => this.fail())
    })
    return this.buffer !== null
  }

  private appendWaiting(buffer: SourceBuffer): void {
    const content = joined(this.waiting, this.waitingBytes)
    try {
      buffer.appendBuffer(content)
      this.waiting.length = 0
      this.waitingBytes = 0
    } catch (error) {
      // The browser's memory is full: what was shown goes first, then it is tried again.
      if (error instanceof DOMException && error.name === 'QuotaExceededError' && this.trim(buffer, 1)) return
      this.fail()
    }
  }

  private updated(): void {
    if (this.closed || this.buffer === null) return
    if (!this.trim(this.buffer, KEPT_BEHIND_S)) this.pump()
  }

  /** Forget what was shown more than `keptS` ago; say whether the buffer is busy with that now. */
  private trim(buffer: SourceBuffer, keptS: number): boolean {
    const { buffered, currentTime } = this.video
    const until = currentTime - keptS
    if (buffered.length === 0 || buffer.updating || buffered.start(0) > until - keptS) return false
    this.attempt(() => buffer.remove(0, until))
    return buffer.updating
  }

  private attempt(act: () => void): void {
    try {
      act()
    } catch {
      this.fail()
    }
  }

  private fail(): void {
    if (this.closed) return
    this.close()
    this.onFailure()
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
