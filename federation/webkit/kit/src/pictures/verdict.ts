import { foundName, translate } from '../language.ts'
import { faultOf, isAbout, type PictureDetection, type PictureVerdict } from './tasks.ts'

export interface ShownVerdict {
  text: string
  alarming: boolean
}

/** What the model saw, under the names that people know; `alarming` is what an event is about. */
export function shownDetections(verdict: PictureVerdict): (PictureDetection & { alarming: boolean })[] {
  return verdict.detections.map((found) => ({ ...found, label: foundName(found.label), alarming: isAbout(verdict, found) }))
}

/** Why nothing is seen in a picture, in the reader's words where its code is known. */
export function shownFault(fault: string): string {
  const { code, first, second } = faultOf(fault)
  return code === null ? fault : translate(`pictureTask.faultOf.${code}`, { first, second })
}

/** What the rule says of the picture, in one line; `eventName` is what people call a kind of event. */
export function shownVerdict(verdict: PictureVerdict, eventName: (code: string) => string): ShownVerdict {
  const [code = ''] = (verdict.unjudged ?? '').split(':', 1)
  if (code !== '') return { text: translate(`pictureTask.unjudged.${code}`), alarming: false }
  if (verdict.events.length === 0) return { text: translate('pictureTask.ruleSilent'), alarming: false }
  const each = verdict.events.map((event) => `${eventName(event.code)} ${event.after_s === 0 ? translate('pictureTask.atOnce') : translate('pictureTask.afterStay', { count: event.after_s })}`)
  return { text: each.join(' · '), alarming: true }
}
