/** What the QR code of a box that waits for a hub says. */
export interface Ticket {
  readonly serial: string
  readonly url: string
  readonly fingerprint: string
  readonly code: string
}

/** The ticket that somebody scanned or pasted; undefined if it is none. */
export function readTicket(text: string): Ticket | undefined {
  const found = /^fengsui:\/\/claim\?(\S+)$/.exec(text.trim())
  if (!found) return undefined
  const values = new URLSearchParams(found[1])
  const ticket = { serial: values.get('serial') ?? '', url: values.get('url') ?? '', fingerprint: values.get('key') ?? '', code: values.get('code') ?? '' }
  return isUrl(ticket.url) && isFingerprint(ticket.fingerprint) && isCode(ticket.code) ? ticket : undefined
}

const plain = (text: string) => text.replace(/[\s:·-]/g, '')

export const isFingerprint = (text: string) => /^[0-9a-f]{64}$/i.test(plain(text))

/** Eight of the characters that are not easily misread. */
export const isCode = (text: string) => /^[2-9A-HJKMNP-Z]{8}$/i.test(plain(text))

export const isUrl = (text: string) => /^https:\/\/[^\s/@?#]+$/.test(text.trim())
