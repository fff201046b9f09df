import { engineReason, translate, translates } from '@fengsui/kit'

/** Why a task does not run, in the reader's language: what the hub says of it by its code, else what the box's engine says. */
export function taskReason(reason: string): string {
  const key = `tasks.reason.${reason.split(':', 1)[0] ?? ''}`
  return translates(key) ? translate(key) : engineReason(reason)
}
