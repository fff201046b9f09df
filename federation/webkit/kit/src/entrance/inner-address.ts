/** Where to go after signing in: an address within the app, never another site. */
export function innerAddress(wanted: unknown): string {
  return typeof wanted === 'string' && /^\/(?![/\\])/.test(wanted) ? wanted : '/'
}
