import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    events: {
      title: '智能事件', hint: '研判、检索与导出', type: '事件类型', everyKind: '{name}（全部）', mapped: '映射事件码', point: '点位', time: '发生时间', from: '开始时间', until: '结束时间',
      text: '点位名称或事件编号', list: '列表', cards: '缩略图', picture: '图片', score: '置信度', verdict: '研判结果', latency: '上报时延',
      arrived: '有 {count} 条新事件，点击查看', empty: '没有符合条件的事件', emptyHint: '换一个页签或放宽筛选条件；若从未有过事件，请先新建分析任务。',
      newTask: '去新建任务', clean: '待核验事件已全部处理', cleanHint: '新的事件到达后会自动出现在这里。',
      detail: '事件详情', preset: '预置位', bureau: '委办单位', node: '接入节点', origin: '事件来源', algorithm: '算法', detectedAt: '识别时间', receivedAt: '入库时间',
      superseded: '原节点补报', supersededWhy: '事件到达时，任务已改派到其他节点；两个节点可能都看到了同一情况。', clock: '时钟未同步', clockWhy: '设备当时的时钟没有同步，事件时间仅供参考；先后次序不受影响。', dwell: '持续时长', number: '事件编号', judgedBy: '研判人', note: '研判备注', notePlaceholder: '可填写研判说明（选填）',
      overlay: '显示标注', download: '下载图片', waiting: '图片正在从设备上传', previous: '上一条', next: '下一条', again: '撤回研判',
      found: '检出目标', judged: '已研判：{verdict}', task: '任务编号', noPicture: '此事件没有图片', first: '已是第一条', last: '已是最后一条',
    },
    verdict: { pending: '待核验', all: '全部', true: '正报', false: '误报', skipped: '不核验' },
  },
  {
    events: {
      title: 'Events', hint: 'Judge, search and export', type: 'Type', everyKind: '{name} (all)', mapped: 'Mapped code', point: 'Point', time: 'Time', from: 'From', until: 'Until',
      text: 'Point name or event id', list: 'List', cards: 'Pictures', picture: 'Picture', score: 'Score', verdict: 'Verdict', latency: 'Latency',
      arrived: '{count} new events, show them', empty: 'No event matches', emptyHint: 'Try another tab or fewer filters. If there never was an event, create a task first.',
      newTask: 'Create a task', clean: 'Every event has been judged', cleanHint: 'New ones will show up here by themselves.',
      detail: 'Event', preset: 'Preset', bureau: 'Bureau', node: 'Node', origin: 'Origin', algorithm: 'Algorithm', detectedAt: 'Detected', receivedAt: 'Stored',
      superseded: 'From the former node', supersededWhy: 'When it arrived, its task had moved to another node; both may have seen the same.', clock: 'Uncertain time', clockWhy: 'The clock of the box was not synchronised then: its times are uncertain, its order is not.', dwell: 'Lasted', number: 'Event id', judgedBy: 'Judged by', note: 'Note', notePlaceholder: 'A note on the verdict, if you like',
      overlay: 'Show marks', download: 'Download picture', waiting: 'The picture is on its way from the appliance', previous: 'Previous', next: 'Next', again: 'Take verdict back',
      found: 'Found', judged: 'Judged: {verdict}', task: 'Task id', noPicture: 'This event has no picture', first: 'This is the first one', last: 'This is the last one',
    },
    verdict: { pending: 'To verify', all: 'All', true: 'True', false: 'False alarm', skipped: 'Not verified' },
  },
)
