// A column of a table draws a row without values to see whether it has columns of its own; nobody sees that.
const PROBED = /\.undefined$/

/** Say by `say`, once for each language, that a text is missing: its reader sees the bare key. */
export function tellerOfMissing(say: (words: string) => void): (locale: string, key: string) => void {
  const told = new Set<string>()
  return (locale, key) => {
    const words = `no text: ${key} (${locale})`
    if (PROBED.test(key) || told.has(words)) return
    told.add(words)
    say(words)
  }
}
