import { bilingual, translate } from './language.ts'

/** Words of the editor of regions, masks and lines. */
export const shapeTexts = bilingual(
  {
    shapes: {
      regions: '分析区域',
      masks: '屏蔽区域',
      lines: '警戒线',
      another: '再画一个',
      hint: '单击画面依次添加顶点，拖动调整，右键删除顶点；不画则分析整个画面',
      lineHint: '单击画面依次添加线上的点；箭头所指为计数方向',
      both: '双向计数',
      to_right: '向右侧越线',
      to_left: '向左侧越线',
      fault: { few: '区域至少需要 3 个顶点', short: '警戒线至少需要 2 个点', crossing: '区域边线不能相交' },
      needed: '该算法必须绘制分析区域',
      neededLine: '该算法必须绘制警戒线',
    },
  },
  {
    shapes: {
      regions: 'Region',
      masks: 'Mask',
      lines: 'Line',
      another: 'Another one',
      hint: 'Click to add corners, drag to move, right click to remove one; without a region the whole picture is analysed',
      lineHint: 'Click to add the points of the line; arrows show which crossings count',
      both: 'Both ways',
      to_right: 'To the right',
      to_left: 'To the left',
      fault: { few: 'An area needs at least 3 corners', short: 'A line needs at least 2 points', crossing: 'The edges of an area must not cross' },
      needed: 'This algorithm needs a region',
      neededLine: 'This algorithm needs a line',
    },
  },
)

const WORDS = ['regions', 'masks', 'lines', 'another', 'hint', 'lineHint', 'both', 'to_right', 'to_left'] as const

/** The words that `ShapesEditor` shows, in the language of the page. */
export function shapeWords(): Record<(typeof WORDS)[number], string> {
  return Object.fromEntries(WORDS.map((word) => [word, translate(`shapes.${word}`)])) as Record<(typeof WORDS)[number], string>
}
