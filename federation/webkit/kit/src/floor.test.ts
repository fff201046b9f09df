import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { parseAst } from 'vite'
import { describe, expect, it } from 'vitest'

/** What was built for browsers; Chromium 78 has to understand every file of it. */
const BUILT = ['../../../../hub/portal/static/assets/', '../../../../appliance/panel/static/assets/']

const NEWER_STYLE = /[;{](inset|aspect-ratio|translate|rotate):|:(is|where|has)\(|@layer|@container/g

interface Node {
  type: string
  operator?: string
  optional?: boolean
  [key: string]: unknown
}

/** Name the syntax of this node that came after Chromium 78, if it did. */
function tooNew(node: Node): string | undefined {
  if (node.type === 'ChainExpression') return 'a?.b (Chromium 80)'
  if (node.type === 'LogicalExpression' && node.operator === '??') return 'a ?? b (Chromium 80)'
  if (node.type === 'AssignmentExpression' && /^(\?\?|\|\||&&)=$/.test(node.operator ?? '')) return 'a ??= b (Chromium 85)'
  if (node.type === 'StaticBlock') return 'static {} (Chromium 94)'
  if (node.type === 'MethodDefinition' && (node['key'] as Node).type === 'PrivateIdentifier') return '#method() (Chromium 84)'
  if (node.type === 'BinaryExpression' && (node['left'] as Node).type === 'PrivateIdentifier') return '#a in b (Chromium 91)'
  return undefined
}

function newerSyntax(code: string): string[] {
  const found = new Set<string>()
  const waiting: unknown[] = [parseAst(code)]
  while (waiting.length > 0) {
    const item = waiting.pop()
    if (Array.isArray(item)) for (const part of item) waiting.push(part)
    else if (typeof item === 'object' && item !== null) {
      if (typeof (item as Node).type === 'string') {
        const name = tooNew(item as Node)
        if (name !== undefined) found.add(name)
      }
      for (const part of Object.values(item)) if (typeof part === 'object') waiting.push(part)
    }
  }
  return [...found]
}

describe('the floor of browsers, Chromium 78', () => {
  it('knows newer syntax when it sees it', () => {
    expect(newerSyntax('a?.b; c ?? d; e ??= f; class G { static {} #h() {} }')).toHaveLength(5)
    expect(newerSyntax('async () => { for await (const a of b) { try { c } catch { 1n ** 2n } } }')).toEqual([])
  })

  for (const folder of BUILT) {
    const path = fileURLToPath(new URL(folder, import.meta.url))
    const files = readdirSync(path)
    const read = (name: string): string => readFileSync(path + name, 'utf8')

    it(`has only syntax that it knows in ${folder}`, () => {
      const scripts = files.filter((name) => name.endsWith('.js'))
      expect(scripts.length).toBeGreaterThan(5)
      expect(scripts.map((name) => [name, newerSyntax(read(name))]).filter(([, newer]) => newer?.length)).toEqual([])
    })
    it(`has only styles of ours that it knows in ${folder}`, () => {
      // index-*.css is Element Plus, which spaces some things by newer means; the pages were looked at without.
      const styles = files.filter((name) => name.endsWith('.css') && !name.startsWith('index-'))
      expect(styles.map((name) => [name, read(name).match(NEWER_STYLE)]).filter(([, newer]) => newer)).toEqual([])
    })
  }
})
