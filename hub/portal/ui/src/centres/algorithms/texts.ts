import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    algorithms: {
      title: '算法仓库', hint: '内置算法与导入的算法包', upload: '导入算法包', builtin: '内置', uploaded: '导入', onShelf: '已上架', offShelf: '已下架', putOn: '上架', takeOff: '下架',
      version: '版本', backend: '推理后端', cost: '单路占用', tasks: '任务数', events: '上报事件', region: '需绘制区域', size: '大小', search: '算法名称', removeAsk: '删除算法可能影响已编排的任务，是否确认删除算法“{name}”的全部版本？', picked: '所选算法', pickedCount: '已选 {count} 个算法', removeMany: '批量删除', pickNone: '取消选择', pick: '选择“{name}”', came: '入库 {day}', removeManyAsk: '删除算法可能影响已编排的任务，是否确认删除所选 {count} 个算法的全部版本？', takeOffAsk: '下架算法可能影响已编排的任务，是否确认下架算法“{name}”？',
      shelf: '上架状态', takes: '分析源类型', platform: '计算平台', vendor: '来源厂商', since: '入库开始', until: '入库结束', noneSuch: '没有符合条件的算法', noneSuchHint: '请调整筛选条件后重试。', empty: '没有算法', emptyHint: '导入 .algpkg 算法包后，即可用于新建分析任务。', uploading: '正在上传 {share}', imported: '已导入 {name} {version}', labels: '目标类别',
      delivery: '分发', deliveryText: '{held}/{all} 台就绪', deliveryNone: '暂无节点需要', progress: '进度', deliveryTitle: '“{name}”在各节点的分发情况', describing: '正在生成校验清单 {share}', offline: '失联，状态可能已过时',
      noDeliveries: '还没有节点需要这个算法包', noDeliveriesHint: '用它新建任务后，承担任务的节点会自动下载。',
    },
  },
  {
    algorithms: {
      title: 'Algorithms', hint: 'Built in, and imported packages', upload: 'Import package', builtin: 'Built in', uploaded: 'Imported', onShelf: 'On shelf', offShelf: 'Off shelf', putOn: 'Put on shelf', takeOff: 'Take off shelf',
      version: 'Version', backend: 'Backend', cost: 'Cost per stream', tasks: 'Tasks', events: 'Reports', region: 'Needs a region', size: 'Size', search: 'Name', removeAsk: 'This may affect tasks. Delete all versions of “{name}”?', picked: 'the chosen algorithms', pickedCount: '{count} chosen', removeMany: 'Delete them', pickNone: 'Choose none', pick: 'Choose “{name}”', came: 'came {day}', removeManyAsk: 'This may affect tasks. Delete all versions of the {count} chosen algorithms?', takeOffAsk: 'This may affect tasks. Take “{name}” off the shelf?',
      shelf: 'Shelf', takes: 'Sources', platform: 'Platform', vendor: 'Vendor', since: 'Came since', until: 'until', noneSuch: 'No such algorithm', noneSuchHint: 'Change what you look for.', empty: 'There is no algorithm', emptyHint: 'Import an .algpkg package, and tasks can use it.', uploading: 'Uploading {share}', imported: '{name} {version} imported', labels: 'Labels',
      delivery: 'Delivery', deliveryText: 'on {held} of {all} nodes', deliveryNone: 'no node needs it', progress: 'Progress', deliveryTitle: '“{name}” on its way to the nodes', describing: 'Describing its chunks: {share}', offline: 'offline; this may be out of date',
      noDeliveries: 'No node needs this package yet', noDeliveriesHint: 'Make a task of it; the nodes that take the task fetch it by themselves.',
    },
  },
)
