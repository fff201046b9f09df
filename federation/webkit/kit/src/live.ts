import { onScopeDispose, readonly, ref, type Ref } from 'vue'

/** Something changed on the server: `kind` such as `event.created`, `data` its row. */
export interface Notice<Data = unknown> {
  readonly kind: string
  readonly data: Data
}

type Listener = (notice: Notice) => void

/** The pause before trying again after `failures` failures in a row, in milliseconds. */
export function pauseMs(failures: number): number {
  return Math.min(500 * 2 ** Math.min(failures - 1, 10), 15_000)
}

/** Read one message of the socket; undefined if it is no notice. */
export function parseNotice(text: unknown): Notice | undefined {
  if (typeof text !== 'string') return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { kind, data } = value as { kind?: unknown; data?: unknown }
    return typeof kind === 'string' ? { kind, data } : undefined
  } catch {
    return undefined
  }
}

/** One WebSocket for the whole page, which comes back by itself and says when it missed something. */
export class LiveFeed {
  private readonly listeners = new Map<string, Set<Listener>>()
  private readonly status = ref(false)
  private socket: WebSocket | null = null
  private timer: number | undefined
  private failures = 0
  private wanted = false

  constructor(private readonly path: string) {}

  get connected(): Readonly<Ref<boolean>> {
    return readonly(this.status)
  }

  start(): void {
    if (this.wanted) return
    this.wanted = true
    this.connect()
  }

  stop(): void {
    this.wanted = false
    window.clearTimeout(this.timer)
    this.socket?.close()
    this.socket = null
    this.status.value = false
  }

  /** Listen to one kind of notice; `feed.resumed` follows every new connection but the first. */
  on<Data>(kind: string, listener: (data: Data) => void): () => void {
    const wrapped: Listener = (notice) => listener(notice.data as Data)
    const present = this.listeners.get(kind) ?? new Set<Listener>()
    this.listeners.set(kind, present.add(wrapped))
    return () => present.delete(wrapped)
  }

  private connect(): void {
    const scheme = window.location.protocol === 'https:' ? 'wss:' : 'ws:'
    const socket = new WebSocket(`${scheme}//${window.location.host}${this.path}`)
    this.socket = socket
    socket.onopen = () => {
      const resumed = this.failures > 0
      this.failures = 0
      this.status.value = true
      if (resumed) this.tell({ kind: 'feed.resumed', data: null })
    }
    socket.onmessage = (message) => {
      const notice = parseNotice(message.data)
      if (notice !== undefined) this.tell(notice)
    }
    socket.onclose = () => {
      if (this.socket !== socket) return
      this.status.value = false
      if (!this.wanted) return
      this.failures += 1
      this.timer = window.setTimeout(() => this.connect(), pauseMs(this.failures))
    }
  }

  private tell(notice: Notice): void {
    for (const listener of this.listeners.get(notice.kind) ?? []) listener(notice)
  }
}

export const liveFeed = new LiveFeed('/api/v1/live')

/** Listen to one kind of notice for as long as the calling component lives. */
export function useLive<Data>(kind: string, listener: (data: Data) => void): void {
  onScopeDispose(liveFeed.on(kind, listener))
}
