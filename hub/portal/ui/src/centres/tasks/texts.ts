import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    tasks: {
      title: '分析任务', hint: '点位 × 算法 × 时段 × 优先级', one: '任务名称', point: '点位', algorithm: '算法', status: '状态', node: '执行节点', priority: '优先级',
      calendar: '运行时段', frames: '已分析帧', events: '事件数', create: '新建任务', start: '启动', stop: '停止', search: '任务或点位名称',
      empty: '还没有分析任务', emptyHint: '选择点位和算法即可新建任务，平台会自动分配到有空闲算力的节点。', region: '分析区域', regionHint: '单击画面依次添加顶点，拖动调整，右键删除；不画则分析整个画面',
      clear: '清除区域', crossing: '区域边线不能相交', few: '区域至少需要 3 个顶点', needed: '该算法必须绘制分析区域', parameters: '算法参数', always: '全天运行', window: '添加时段', workdays: '工作日 9–18 点', midnight: '结束时间 00:00 表示当日 24 点',
      startNow: '创建后立即启动', removeAsk: '确定删除选中的 {count} 个任务？历史事件会保留。', made: '已创建 {count} 个任务', many: '将创建 {count} 个任务', byWindow: '{count} 个时段', background: '画面取自', basics: '基本信息', createdBy: '创建人',
    },
    taskStatus: { stopped: '已停止', unplaced: '待分配', starting: '启动中', running: '运行中', waiting: '等待时段', failed: '异常', fenced: '已自停', unreachable: '节点失联' },
    weekday: { d1: '一', d2: '二', d3: '三', d4: '四', d5: '五', d6: '六', d7: '日' },
  },
  {
    tasks: {
      title: 'Tasks', hint: 'Point × algorithm × hours × priority', one: 'Task', point: 'Point', algorithm: 'Algorithm', status: 'Status', node: 'Node', priority: 'Priority',
      calendar: 'Hours', frames: 'Frames', events: 'Events', create: 'New task', start: 'Start', stop: 'Stop', search: 'Task or point name',
      empty: 'There is no task yet', emptyHint: 'Choose points and algorithms; the hub places the tasks on nodes with free capacity.', region: 'Region', regionHint: 'Click to add corners, drag to move, right click to remove; without a region the whole picture is analysed',
      clear: 'Clear region', crossing: 'The edges of the region must not cross', few: 'A region needs at least 3 corners', needed: 'This algorithm needs a region', parameters: 'Parameters', always: 'All day, every day', window: 'Add hours', workdays: 'Workdays 9–18', midnight: 'An end of 00:00 is midnight',
      startNow: 'Start at once', removeAsk: 'Delete the {count} chosen tasks? Their events stay.', made: '{count} tasks created', many: 'Will create {count} tasks', byWindow: '{count} windows', background: 'Picture of', basics: 'Basics', createdBy: 'Created by',
    },
    taskStatus: { stopped: 'Stopped', unplaced: 'Unplaced', starting: 'Starting', running: 'Running', waiting: 'Waiting for its hours', failed: 'Failed', fenced: 'Stopped itself', unreachable: 'Node unreachable' },
    weekday: { d1: 'Mo', d2: 'Tu', d3: 'We', d4: 'Th', d5: 'Fr', d6: 'Sa', d7: 'Su' },
  },
)
