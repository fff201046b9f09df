import { bilingual } from '@fengsui/kit'

export const groupTexts = bilingual(
  {
    groups: {
      title: '算法分组', titleOf: '“{name}”所在的分组', hint: '一个算法可加入多个分组；删除分组不影响其中的算法。', all: '全部分组', manage: '分组管理', open: '添加分组', name: '新分组名称', add: '新建分组', rename: '重命名', count: '{count} 个算法', empty: '还没有分组', emptyHint: '新建分组后，可按分组筛选算法。',
      removeAsk: '删除分组“{name}”？其中的算法不会被删除。', renameAsk: '分组“{name}”的新名称', nameRule: '1 至 64 个字符', taken: '已有同名分组', shelfTitle: '暂时不能下架', removeTitle: '暂时不能删除', shelfHint: '以下任务或抓图计划正在使用“{name}”，请先停止：', removeHint: '以下任务或抓图计划使用“{name}”，请先删除，或改用其他算法：', task: '任务', capture_plan: '抓图计划', more: '仅列出前 {count} 项',
    },
  },
  {
    groups: {
      title: 'Groups', titleOf: 'Groups of “{name}”', hint: 'An algorithm may be in several groups; it stays when a group is deleted.', all: 'All groups', manage: 'Groups', open: 'Add to groups', name: 'Name of a new group', add: 'Add group', rename: 'Rename', count: '{count} algorithms', empty: 'There is no group yet', emptyHint: 'Make one, and algorithms can be found by it.',
      removeAsk: 'Delete the group “{name}”? Its algorithms stay.', renameAsk: 'What “{name}” is to be called', nameRule: '1 to 64 characters', taken: 'Another group is called so', shelfTitle: 'It stays on the shelf', removeTitle: 'It cannot be deleted', shelfHint: 'These use “{name}” now; stop them first:', removeHint: 'These use “{name}”; delete them first, or have them use another:', task: 'Task', capture_plan: 'Snapshot plan', more: 'These are the first {count}',
    },
  },
)
