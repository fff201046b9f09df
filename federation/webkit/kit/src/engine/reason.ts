import { translate, translates } from '../language.ts'
import { sentence } from './sentence.ts'

/** Why an algorithm cannot work on a box, in the language that is shown. */
export function engineReason(reason: string): string {
  return sentence(reason, { say: translate, knows: translates })
}
