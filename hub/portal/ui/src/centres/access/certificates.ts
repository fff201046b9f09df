import type { HubSchemas } from '@fengsui/api'

type Node = HubSchemas['Node']
export type CertificateState = 'good' | 'soon' | 'expired' | 'revoked' | 'none'

const SOON_SHARE = 0.2 // a node renews at a third of its time left: below this it has failed to

/** What there is to say of a node's certificate at `nowMs`. */
export function certificateState(node: Pick<Node, 'certificate' | 'revoked_at'>, nowMs: number): CertificateState {
  if (node.revoked_at) return 'revoked'
  if (!node.certificate) return 'none'
  const ends = Date.parse(node.certificate.expires_at)
  const life = ends - Date.parse(node.certificate.issued_at)
  if (nowMs >= ends) return 'expired'
  return ends - nowMs < life * SOON_SHARE ? 'soon' : 'good'
}

/** A fingerprint in groups that two people can compare. */
export function grouped(fingerprint: string): string {
  return (fingerprint.match(/.{1,4}/g) ?? []).join(' ').toUpperCase()
}
