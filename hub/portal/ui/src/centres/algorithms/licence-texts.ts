import { bilingual } from '@fengsui/kit'

export const licenceTexts = bilingual(
  {
    licences: {
      title: '厂商授权', import: '导入授权文件', number: '授权编号', holder: '被授权方', term: '有效期', forever: '长期', until: '至 {day}', tasks: '任务数', unlimited: '不限', empty: '还没有厂商授权', emptyHint: '需要授权的算法上架前，请向厂商索取 .alglic 授权文件并导入。', removeAsk: '确定删除授权 {number}？正在运行的任务不受影响，但可能无法再新建任务。', entered: '已导入授权 {number}',
      notice: '{names}：厂商授权{when}。现有任务继续运行，到期后不能新建任务，请联系厂商续期。', soon: '将在30天内到期', over: '已到期', state: '授权状态', states: { free: '无需授权', licensed: '已授权', expiring: '授权即将到期', expired: '授权已到期', unlicensed: '未授权', early: '未生效', in_force: '有效', foreign: '签名方不是该算法的厂商，不生效' },
    },
    problem: { unlicensed: '该算法没有有效的厂商授权，请先导入授权文件', licence_full: '已达到厂商授权的任务数上限', licence_exists: '该授权编号已存在且内容不同', licence_untrusted: '授权文件的签名方不受信任', licence_foreign: '授权文件不是由该算法的厂商签发的，请向厂商索取', bad_licence: '这不是有效的授权文件' },
  },
  {
    licences: {
      title: 'Vendor licences', import: 'Import a licence', number: 'Number', holder: 'Holder', term: 'Until', forever: 'for good', until: '{day}', tasks: 'Tasks', unlimited: 'any number', empty: 'No licence was entered', emptyHint: 'Algorithms that need one wait off the shelf; ask the vendor for the .alglic file.', removeAsk: 'Delete licence {number}? What runs goes on, but new tasks may be refused.', entered: 'Licence {number} entered',
      notice: '{names}: the vendor’s licence {when}. Tasks go on; none can be made after its end. Ask the vendor for a new one.', soon: 'ends within 30 days', over: 'has ended', state: 'Licence', states: { free: 'Needs none', licensed: 'Licensed', expiring: 'Licence ends soon', expired: 'Licence ended', unlicensed: 'Unlicensed', early: 'Not yet', in_force: 'In force', foreign: 'Not signed by its vendor: does not count' },
    },
    problem: { unlicensed: 'No licence of the vendor is in force; import one first', licence_full: 'The vendor’s licence allows no more tasks', licence_exists: 'This licence number is here with other content', licence_untrusted: 'Nobody who is trusted signed the licence', licence_foreign: 'Not the vendor of the algorithm signed the licence; ask the vendor for it', bad_licence: 'This is no licence file' },
  },
)
