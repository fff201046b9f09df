import { bilingual } from '@fengsui/kit'

export const eventCodeTexts = bilingual(
  {
    eventCodes: {
      open: '事件码映射', title: '“{name}”的事件码映射', hint: '将检出项的事件码对应到已定义并下发给设备的事件码。此后入库的事件同时带有两个码；已入库的事件保持入库时的映射。', own: '检出项', mapped: '映射事件码', name: '映射名称', none: '不映射', known: '已使用的映射事件码', defined: '平台已定义的事件码', badCode: '事件码由字母、数字和 . _ / - 组成，不超过 128 个字符：{code}', saved: '映射已保存', optional: '选填',
    },
  },
  {
    eventCodes: {
      open: 'Map codes', title: 'Event codes of “{name}”', hint: 'By which codes, defined already and known to devices, others know its kinds of event. Events that come from now on carry both codes; those that are here keep what they came with.', own: 'Kind', mapped: 'Mapped code', name: 'Its name', none: 'not mapped', known: 'In use', defined: 'Defined here', badCode: 'A code has letters, digits and . _ / - and at most 128 characters: {code}', saved: 'Saved', optional: 'if you like',
    },
  },
)
