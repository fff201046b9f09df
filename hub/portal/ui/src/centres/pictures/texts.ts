import { bilingual } from '@fengsui/kit'

/** Words of the portal's page of picture tasks, beside those that it shares with a box's panel. */
export const texts = bilingual(
  {
    pictures: {
      box: '设备',
      none: '还没有设备',
      noneHint: '图片任务在设备上执行。请先在「接入管理」让一台设备加入平台。',
      toAccess: '去接入设备',
    },
  },
  {
    pictures: {
      box: 'Box',
      none: 'No box has joined',
      noneHint: 'Picture tasks are done by boxes: let one join first.',
      toAccess: 'Let a box join',
    },
  },
)
