import { addTexts, bilingual, translate } from '../language.ts'

/** What is wrong with a camera's picture 视频质量诊断, in words; keys are those of the appliance. */
const pictureFaults = bilingual(
  {
    pictureFault: {
      black: { what: '画面黑屏', todo: '检查镜头盖、夜间补光，或摄像机成像部件。' },
      frozen: { what: '画面冻结', todo: '画面一分钟没有任何变化，请重启摄像机。' },
      covered: { what: '画面遮挡', todo: '镜头前有遮挡物，或监视面被喷涂、覆盖。' },
      blurred: { what: '画面模糊', todo: '重新聚焦，或清洁镜头和护罩。' },
      too_dark: { what: '画面过暗', todo: '开启补光，检查光圈与曝光设置。' },
      too_bright: { what: '画面过曝', todo: '检查曝光设置，避免强光直射镜头。' },
      colour_cast: { what: '画面偏色', todo: '检查白平衡和滤光片切换。' },
      moved: { what: '场景变换', todo: '摄像机角度可能被改动，请核对监视范围。' },
    },
    pictureGood: '画面正常',
    pictureQuality: '画面诊断',
  },
  {
    pictureFault: {
      black: { what: 'Black picture', todo: 'Check lens cap, light at night, and the sensor.' },
      frozen: { what: 'Frozen picture', todo: 'Nothing has changed for a minute: restart the camera.' },
      covered: { what: 'View covered', todo: 'Something is in front of the lens, or on it.' },
      blurred: { what: 'Blurred picture', todo: 'Focus anew, or clean lens and housing.' },
      too_dark: { what: 'Too dark', todo: 'Switch lights on; check iris and exposure.' },
      too_bright: { what: 'Too bright', todo: 'Check the exposure; keep strong light out of the lens.' },
      colour_cast: { what: 'Colour cast', todo: 'Check white balance and the filter that is switched at dusk.' },
      moved: { what: 'Scene changed', todo: 'The camera may have been turned: compare what it should watch.' },
    },
    pictureGood: 'Picture good',
    pictureQuality: 'Picture',
  },
)
addTexts(pictureFaults)

export const PICTURE_FAULTS = ['black', 'frozen', 'covered', 'blurred', 'too_dark', 'too_bright', 'colour_cast', 'moved'] as const
export type PictureFault = (typeof PICTURE_FAULTS)[number]

/** Say what a fault is, in a word or two. */
export function pictureFault(fault: PictureFault): string {
  return translate(`pictureFault.${fault}.what`)
}
