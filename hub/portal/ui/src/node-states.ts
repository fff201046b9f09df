import type { HubSchemas } from '@fengsui/api'

/** How each condition of a node looks. */
export const NODE_TONES: Record<HubSchemas['NodeState'], 'good' | 'warn' | 'bad' | 'idle'> = {
  awaited: 'idle',
  online: 'good',
  suspect: 'warn',
  unknown: 'warn',
  dead: 'bad',
  incompatible: 'bad',
  revoked: 'bad',
}
