import type { ApplianceComponents } from '@fengsui/api'

import { bytes } from '../moments.ts'

export type ArtifactReport = ApplianceComponents['schemas']['ArtifactReport']
type Say = (key: string, values?: Record<string, string>) => string

const KNOWN_REASONS = ['queued', 'turn', 'no_space', 'disk_error', 'bandwidth_window', 'source_away', 'source_refuses', 'source_lies', 'wrong_profile']

/** The share that has arrived, 0 to 1. */
export function shareOf(report: ArtifactReport): number {
  return report.size_bytes > 0 ? Math.min(1, report.held_bytes / report.size_bytes) : 0
}

/** The colour of a state: a box that waits for room needs somebody, one that waits for its turn does not. */
export function toneOf(report: ArtifactReport): 'good' | 'busy' | 'warn' | 'bad' | 'idle' {
  if (report.state === 'held') return 'good'
  if (report.state !== 'waiting') return 'busy'
  const code = codeOf(report)
  if (['no_space', 'disk_error', 'wrong_profile'].includes(code)) return 'bad'
  return code.startsWith('source_') ? 'warn' : 'idle'
}

/** Why it waits, as `say` puts it; empty when it does not. */
export function reasonOf(report: ArtifactReport, say: Say): string {
  if (report.state !== 'waiting') return ''
  const code = codeOf(report)
  if (!KNOWN_REASONS.includes(code)) return report.reason || say('delivery.reason.queued')
  return say(`delivery.reason.${code}`, { lacking: bytes(report.lacking_bytes), detail: detailOf(report) })
}

/** Where the bytes come from now, or came from; `nodeName` gives a neighbour its name. */
export function originOf(report: ArtifactReport, say: Say, nodeName: (id: string) => string): string {
  if (report.state === 'fetching') return report.sources.map((source) => (source === 'hub' ? say('delivery.hub') : nodeName(source))).join(say('delivery.and'))
  const parts: [string, number][] = [['hub', report.hub_bytes], ['neighbours', report.neighbour_bytes], ['reused', report.reused_bytes]]
  return parts.filter(([, size]) => size > 0).map(([name, size]) => `${say(`delivery.${name}`)} ${bytes(size)}`).join(say('delivery.and'))
}

function codeOf(report: ArtifactReport): string {
  return report.reason.split(':')[0] ?? ''
}

function detailOf(report: ArtifactReport): string {
  return report.reason.split(':').slice(1).join(':').trim()
}
