import { COVER, cut } from './editing.ts'

/** A picture of a person's disk as a cover, small enough to be kept; undefined for what the browser cannot read. */
export async function coverOf(file: Blob): Promise<Blob | undefined> {
  const picture = await createImageBitmap(file).catch(() => undefined)
  if (!picture) return undefined
  const canvas = document.createElement('canvas')
  canvas.width = COVER.width
  canvas.height = COVER.height
  const [left, top, width, height] = cut(picture.width, picture.height)
  canvas.getContext('2d')?.drawImage(picture, left, top, width, height, 0, 0, COVER.width, COVER.height)
  picture.close()
  return (await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.9))) ?? undefined
}
