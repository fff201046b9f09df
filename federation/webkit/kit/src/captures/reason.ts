import { cameraFault } from '../camera/faults.ts'
import { translate, translates } from '../language.ts'

/** Why there is no picture, in the reader's language where the code is known. */
export function captureReason(reason: string): string {
  const key = `captureReason.${reason.split(':', 1)[0] ?? ''}`
  return translates(key) ? translate(key) : (cameraFault(reason)?.what ?? reason)
}
