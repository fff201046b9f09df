import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    tasks: {
      title: '分析任务', hint: '点位 × 算法 × 时段 × 优先级', one: '任务名称', point: '点位', morePoints: '列出前 {shown} 个，共 {total} 个；输入名称、编号或地址查找其余点位', algorithm: '算法', status: '状态', node: '执行节点', priority: '优先级',
      calendar: '运行时段', frames: '已分析帧', events: '事件数', create: '新建任务', start: '启动', stop: '停止', search: '任务或点位名称',
      empty: '还没有分析任务', emptyHint: '选择点位和算法即可新建任务，平台会自动分配到有空闲算力的节点。', region: '分析区域、屏蔽区域与警戒线',
      view: '视角', anyView: '任意视角（未单独绘制时使用）', drawn: '已绘制', goThere: '转到并取图', parameters: '算法参数', always: '全天运行', window: '添加时段', workdays: '工作日 9–18 点', midnight: '结束时间 00:00 表示当日 24 点',
      startNow: '创建后立即启动', removeAsk: '确定删除选中的 {count} 个任务？历史事件会保留。', made: '已创建 {count} 个任务', many: '将创建 {count} 个任务', byWindow: '{count} 个时段', background: '画面取自', basics: '基本信息',
      reason: { no_node_online: '没有在线节点', node_suspect: '正在向同站点设备核实', node_unknown: '节点失联，任务由设备独立执行', node_dead: '节点已停机', unconfirmed: '未获中心确认，设备已自行停止', view_unknown: '无法确认云台停在哪个预置位，而只为预置位绘制了区域', view_other: '云台停在未绘制区域的预置位' },
      onCutTitle: '断联策略', onCutHint: '设备与中心断联期间，这 {count} 个任务怎么办：', fenceAfter: '未获确认超过', moveAfter: '失联超过', seconds: '秒',
      onCut: { go_on: '继续运行', fence: '自行停止', move: '改派', fence_and_move: '自行停止并改派' },
      onCutWhy: {
        go_on: '设备独立工作，事件在恢复连接后补报；任务不改派。适合绝大多数任务。',
        fence: '超过时限仍未得到中心确认，设备自己停止任务，恢复后自动继续。用于不能同时由两台设备执行的任务，如云台巡航、预置位抓图。',
        move: '经同站点设备证实或人工判定设备停机后，改派到其他节点，同站点优先。只是断联、仍在工作的设备不会被改派；整个站点失联时也不改派。',
        fence_and_move: '设备先自行停止；中心确信它已停止之后再改派，任何时候都不会有两台设备同时执行。整个站点失联时不改派。',
      }, createdBy: '创建人',
    },
    taskStatus: { stopped: '已停止', unplaced: '待分配', starting: '启动中', running: '运行中', waiting: '等待中', failed: '异常', fenced: '已自停', unreachable: '节点失联' },
    weekday: { d1: '一', d2: '二', d3: '三', d4: '四', d5: '五', d6: '六', d7: '日' },
  },
  {
    tasks: {
      title: 'Tasks', hint: 'Point × algorithm × hours × priority', one: 'Task', point: 'Point', morePoints: 'The first {shown} of {total}; type a name, id or address to find others', algorithm: 'Algorithm', status: 'Status', node: 'Node', priority: 'Priority',
      calendar: 'Hours', frames: 'Frames', events: 'Events', create: 'New task', start: 'Start', stop: 'Stop', search: 'Task or point name',
      empty: 'There is no task yet', emptyHint: 'Choose points and algorithms; the hub places the tasks on nodes with free capacity.', region: 'Region, masks and lines',
      view: 'View', anyView: 'Any other view', drawn: 'drawn', goThere: 'Go there, take a picture', parameters: 'Parameters', always: 'All day, every day', window: 'Add hours', workdays: 'Workdays 9–18', midnight: 'An end of 00:00 is midnight',
      startNow: 'Start at once', removeAsk: 'Delete the {count} chosen tasks? Their events stay.', made: '{count} tasks created', many: 'Will create {count} tasks', byWindow: '{count} windows', background: 'Picture of', basics: 'Basics',
      reason: { no_node_online: 'No node is online', node_suspect: 'Its neighbours are being asked', node_unknown: 'Its node is cut off and goes on by itself', node_dead: 'Its node is dead', unconfirmed: 'Not confirmed by the hub; the node stopped it', view_unknown: 'It is not known at which preset the camera looks, and only presets are drawn', view_other: 'The camera looks at a preset for which nothing is drawn' },
      onCutTitle: 'When cut off', onCutHint: 'What becomes of these {count} tasks while their node and the hub do not hear each other:', fenceAfter: 'not confirmed for', moveAfter: 'not heard for', seconds: 's',
      onCut: { go_on: 'Goes on', fence: 'Stops itself', move: 'Moves', fence_and_move: 'Stops, then moves' },
      onCutWhy: {
        go_on: 'The node works on by itself, its events come later; the task does not move. Right for nearly every task.',
        fence: 'The node stops the task by itself when the hub has not confirmed it for so long, and goes on once it does. For what two nodes must never do at once: patrols, snapshots of presets.',
        move: 'The task goes to another node, of the same site first, once a neighbour or an operator says that its node is dead. It stays with a node that is merely cut off, and while a whole site is silent.',
        fence_and_move: 'The node stops the task by itself; the hub moves it once that has certainly happened, so that two never run it at once. It stays while a whole site is silent.',
      }, createdBy: 'Created by',
    },
    taskStatus: { stopped: 'Stopped', unplaced: 'Unplaced', starting: 'Starting', running: 'Running', waiting: 'Waiting', failed: 'Failed', fenced: 'Stopped itself', unreachable: 'Node unreachable' },
    weekday: { d1: 'Mo', d2: 'Tu', d3: 'We', d4: 'Th', d5: 'Fr', d6: 'Sa', d7: 'Su' },
  },
)
