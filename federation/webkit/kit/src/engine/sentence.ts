import details from './details.json'

interface Detail {
  readonly name: string
  readonly pattern: RegExp
  readonly values: readonly string[]
}

const DETAILS: readonly Detail[] = details.map((each) => ({ ...each, pattern: new RegExp(each.pattern) }))

/** What stands around the reason itself, with the name of what is told besides. */
const AROUND = [
  { name: 'given_up', pattern: /^given_up: not taken within (\S+) hours; the last time (.*)$/, value: 'hours' },
  { name: 'not_loaded', pattern: /^not_loaded: (\S+ \S+) cannot look at pictures now: (.*)\.$/, value: 'algorithm' },
]

/** What is said in the reader's language, with these values; `knows` tells whether there is a text. */
export interface Voice {
  readonly say: (key: string, values?: Record<string, unknown>) => string
  readonly knows: (key: string) => boolean
}

/** Why an algorithm cannot work on a box, wholly in the reader's language; as the box says it where nothing of it is known. */
export function sentence(reason: string, voice: Voice): string {
  const [, switchCode = '', afterSwitch = ''] = /^(switch_refused|switched_back): (.*)$/.exec(reason) ?? []
  if (switchCode) return switched(switchCode, afterSwitch, voice)
  for (const { name, pattern, value } of AROUND) {
    const found = pattern.exec(reason)
    if (found) return voice.say(`engineReason.${name}`, { [value]: found[1], reason: sentence(found[2] ?? '', voice) })
  }
  const [, first = reason, seconds = ''] = /^(.*); it is started again in (\d+) s$/.exec(reason) ?? []
  return seconds ? voice.say('engineReason.again', { reason: told(first, voice), seconds }) : told(first, voice)
}

function switched(code: string, rest: string, voice: Voice): string {
  const [, before, agreed] = /^of (\d+) things .* it finds (\d+)$/.exec(rest) ?? []
  if (before) return voice.say(`engineReason.${code}`, { reason: voice.say('engineReason.sees_less', { before, agreed }) })
  const [, version = '', why = rest] = (code === 'switched_back' ? /^(\S+): (.*)$/.exec(rest) : null) ?? []
  return voice.say(`engineReason.${code}`, { version, reason: sentence(why, voice) })
}

function told(reason: string, voice: Voice): string {
  for (const { name, pattern, values } of DETAILS) {
    const found = pattern.exec(reason)
    if (found) return voice.say(`engineReason.detail.${name}`, Object.fromEntries(values.map((value, index) => [value, plain(found[index + 1] ?? '')])))
  }
  const known = `engineReason.code.${reason.split(':', 1)[0] ?? ''}`
  return voice.knows(known) ? voice.say(known) : reason
}

/** Names as people write them: without the quotes that the box puts around them. */
function plain(words: string): string {
  return words.replace(/'/g, '')
}
