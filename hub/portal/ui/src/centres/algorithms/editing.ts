import type { Algorithm, Presentation } from '../../hub.ts'

export const COVER = { width: 640, height: 360 } as const
export const LISTS = ['targets', 'industries', 'business', 'places'] as const

export interface Draft {
  nameZh: string
  nameEn: string
  descriptionZh: string
  descriptionEn: string
  vendorZh: string
  vendorEn: string
  targets: string[]
  industries: string[]
  business: string[]
  places: string[]
}

/** What the form begins with: the algorithm as it is shown now. */
export function draftOf(item: Algorithm): Draft {
  return {
    nameZh: item.name_zh, nameEn: item.name_en, descriptionZh: item.description_zh, descriptionEn: item.description_en, vendorZh: item.vendor.name.zh, vendorEn: item.vendor.name.en,
    targets: [...item.classification.targets], industries: [...item.classification.industries], business: [...item.classification.business], places: [...item.classification.places],
  }
}

/** What is sent: an English text that was left out is the Chinese one. */
export function presentationOf(draft: Draft): Presentation {
  const both = (zh: string, en: string): { zh: string; en: string } => ({ zh: zh.trim(), en: en.trim() || zh.trim() })
  return {
    name: both(draft.nameZh, draft.nameEn), description: both(draft.descriptionZh, draft.descriptionEn), vendor: both(draft.vendorZh, draft.vendorEn),
    targets: draft.targets, industries: draft.industries, business: draft.business, places: draft.places,
  }
}

/** Where a picture of any size is cut so that it fills a cover: left, top, width, height in its own pixels. */
export function cut(width: number, height: number): readonly [number, number, number, number] {
  const scale = Math.min(width / COVER.width, height / COVER.height)
  const [wide, high] = [COVER.width * scale, COVER.height * scale]
  return [(width - wide) / 2, (height - high) / 2, wide, high]
}
