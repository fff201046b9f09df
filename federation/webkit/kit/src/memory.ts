const PREFIX = 'fengsui.'

/** Read what this browser remembers; a page that may not store remembers nothing. */
export function recall(name: string): unknown {
  try {
    const text = window.localStorage.getItem(PREFIX + name)
    return text === null ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Keep a small value in this browser. */
export function remember(name: string, value: unknown): void {
  try {
    window.localStorage.setItem(PREFIX + name, JSON.stringify(value))
  } catch {
    // Storage may be forbidden or full; nothing of ours depends on it.
  }
}
