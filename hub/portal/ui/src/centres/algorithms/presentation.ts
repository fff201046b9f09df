import type { Algorithm } from '../../hub.ts'

export type PackageText = { readonly zh: string; readonly en: string } | null | undefined
/** A heading by its text, and what is said under it. */
export type Fact = readonly [heading: string, said: string]

function told(facts: readonly Fact[]): Fact[] {
  return facts.filter(([, text]) => text !== '')
}

/** 算法模型信息: which training the model comes from; nothing where the package is silent. */
export function trainingFacts(item: Algorithm): Fact[] {
  const training = item.training
  if (!training) return []
  return told([
    ['modelName', training.model_name], ['modelNo', training.model_no], ['modelVersion', training.model_version], ['datasetVersion', training.dataset_version],
  ])
}

/** 应用条件: when the algorithm can be expected to work; `said` gives a text in the reader's language. */
export function conditionFacts(item: Algorithm, said: (text: PackageText) => string): Fact[] {
  const given = item.conditions
  if (!given) return []
  return told([
    ['formats', given.formats.join(' / ').toUpperCase()], ['targetPx', given.target_px ? `≥ ${given.target_px} px` : ''],
    ['occlusion', said(given.occlusion)], ['quality', said(given.quality)], ['other', said(given.other)],
  ])
}

/** 技术规格: where it runs and what it takes. */
export function technicalFacts(item: Algorithm): Fact[] {
  const runs = item.platforms.map((platform) => `${platform.platform.toUpperCase()} · ${platform.backend}${platform.arch === 'any' ? '' : ` · ${platform.arch}`}`)
  const rates = item.capacity.map((rate) => `${rate.device || rate.platform.toUpperCase()} ${rate.images_per_s}/s`)
  const ram = item.platforms.find((platform) => platform.file)?.ram_mb
  return told([
    ['platforms', runs.join('; ')], ['memory', ram ? `≤ ${ram} MB` : ''], ['cores', item.needs.cpu_cores ? String(item.needs.cpu_cores) : ''],
    ['disk', item.needs.disk_mb > 0 ? `${item.needs.disk_mb} MB` : ''], ['capacity', rates.join('; ')],
  ])
}

/** A share as a percentage; a dash where the vendor gives none. */
export function figure(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : `${(share * 100).toFixed(1)}%`
}

/** Midnight after a day that was chosen: what came on that day came before it. */
export function dayAfter(day: Date): Date {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1)
}
