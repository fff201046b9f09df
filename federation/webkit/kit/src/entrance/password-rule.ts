export const SHORTEST_PASSWORD = 10

/** The i18n key of what is wrong with a new password; undefined if nothing is. */
export function faultOf(given: { old: string; fresh: string; again: string; username: string }): string | undefined {
  if (given.old === '' || given.fresh === '' || given.again === '') return 'password.required'
  if ([...given.fresh].length < SHORTEST_PASSWORD) return 'password.tooShort'
  if (given.fresh === given.old) return 'password.same'
  if (given.fresh.toLowerCase() === given.username.toLowerCase()) return 'password.isName'
  if (given.fresh !== given.again) return 'password.different'
  return undefined
}
