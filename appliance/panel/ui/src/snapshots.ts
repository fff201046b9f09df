import { cameraFault, translate, translates } from '@fengsui/kit'

import type { Snapshot } from './appliance.ts'

/** Why there is no picture, in the reader's language where the code is known. */
export function reasonOf(snapshot: Pick<Snapshot, 'reason'>): string {
  const code = snapshot.reason.split(':', 1)[0] ?? ''
  const key = `snapshots.reason.${code}`
  return translates(key) ? translate(key) : (cameraFault(snapshot.reason)?.what ?? '')
}
