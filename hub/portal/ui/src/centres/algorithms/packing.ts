import type { Algorithm, BareModel, PackageDraft } from '../../hub.ts'

export const MOST_PICTURES = 24
const ID = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/
const VERSION = /^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$/

export interface PackingForm {
  id: string
  version: string
  name: string
  vendor: string
  description: string
  note: string
  events: { code: string; name: string }[]
}

/** What the form begins with, from the file's name and what was recognised. */
export function formOf(model: BareModel, vendor: string): PackingForm {
  const stem = model.file_name.replace(/\.onnx$/i, '')
  const slug = stem.toLowerCase().replace(/[^a-z0-9_-]+/g, '_').replace(/^[_-]+|[_-]+$/g, '').slice(0, 48) || 'detector'
  return { id: `local.${slug}`, version: '1.0.0', name: stem, vendor, description: '', note: '', events: model.proposed?.events.map((kind) => ({ code: kind.code, name: kind.name_zh })) ?? [] }
}

/** The version after the newest of an algorithm that is here. */
export function nextVersion(present: Pick<Algorithm, 'version'> | undefined): string {
  const [major, minor, patch] = (present?.version ?? '').split('.').map(Number)
  return major === undefined || minor === undefined || patch === undefined ? '1.0.0' : `${major}.${minor}.${patch + 1}`
}

export function isId(text: string): boolean {
  return ID.test(text)
}

export function isVersion(text: string): boolean {
  return VERSION.test(text)
}

/** The names of classes as they were typed, one a line. */
export function labelsOf(text: string): string[] {
  return text.split('\n').map((line) => line.trim()).filter((line) => line !== '')
}

/** What is sent; texts stand for both languages, and a description that was left out is the name. */
export function packageOf(form: PackingForm): PackageDraft {
  const both = (text: string): { zh: string; en: string } => ({ zh: text.trim(), en: text.trim() })
  return {
    id: form.id, version: form.version, name: both(form.name), description: both(form.description.trim() || form.name), vendor: both(form.vendor), note: form.note.trim() === '' ? null : both(form.note),
    events: form.events.filter((event) => event.name.trim() !== '').map((event) => ({ code: event.code, ...both(event.name) })),
  }
}
