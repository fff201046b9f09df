import type { Algorithm, CodeMapping } from '../../hub.ts'

const CODE = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/

/** A line of the form: a kind of event of the algorithm, and by which code others know it. */
export interface CodeLine {
  readonly code: string
  readonly nameZh: string
  readonly nameEn: string
  mappedCode: string
  name: string
}

/** All kinds of event of the algorithm, and those of its older versions that are mapped still. */
export function linesOf(item: Algorithm): CodeLine[] {
  const mapped = new Map(item.mapped_codes.map((each) => [each.code, each]))
  const reported = item.events.map((kind) => ({ code: kind.code, nameZh: kind.name_zh, nameEn: kind.name_en }))
  const former = item.mapped_codes.filter((each) => item.events.every((kind) => kind.code !== each.code)).map((each) => ({ code: each.code, nameZh: each.code, nameEn: each.code }))
  return [...reported, ...former].map((line) => ({ ...line, mappedCode: mapped.get(line.code)?.mapped_code ?? '', name: mapped.get(line.code)?.name ?? '' }))
}

/** What is sent: the lines that have a code. */
export function mappingsOf(lines: readonly CodeLine[]): CodeMapping[] {
  return lines.filter((line) => line.mappedCode.trim() !== '').map((line) => ({ code: line.code, mapped_code: line.mappedCode.trim(), name: line.name.trim() }))
}

/** The first code that is none; undefined where all are. */
export function wrongCode(mappings: readonly CodeMapping[]): string | undefined {
  return mappings.find((each) => !CODE.test(each.mapped_code))?.mapped_code
}
