import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    overview: {
      title: '首页一张图', headline: '视频智能感知一张图',
      analysis: '智能分析', resources: '视频资源', opening: '开放赋能', system: '系统管理',
      situation: '运行态势', nodesOnline: '在线节点', pointsLive: '在线点位', today: '今日事件', pending: '待核验',
      tasks: '运行任务', latency: '端到云时延', p95: '95 分位 {value}', byType: '事件类型', byHour: '24 小时事件趋势',
      live: '实时事件', all: '全部事件', nodes: '接入节点', load: '分析占用', noEvents: '暂无事件',
      noEventsHint: '新建分析任务后，事件会实时出现在这里。', noNodes: '尚无节点接入', addNode: '去接入节点',
      noPoints: '还没有带坐标的点位', addPoint: '去添加点位', events: '事件', pictureOnWay: '图片上传中',
      offlineBase: '离线底图', fit: '查看全部点位', eventsToday: '今日事件', open: '查看事件', state: '状态',
    },
    camera: { live: '在线', connecting: '连接中', stalled: '无数据', refused: '鉴权失败', unreachable: '不可达', idle: '按需取流', none: '未取流' },
  },
  {
    overview: {
      title: 'Map', headline: 'Video intelligence at a glance',
      analysis: 'Analysis', resources: 'Video resources', opening: 'Opening', system: 'System',
      situation: 'Situation', nodesOnline: 'Nodes online', pointsLive: 'Points live', today: 'Events today', pending: 'To verify',
      tasks: 'Tasks running', latency: 'Edge to hub', p95: 'p95 {value}', byType: 'Events by type', byHour: 'Events, last 24 hours',
      live: 'Live events', all: 'All events', nodes: 'Nodes', load: 'Analysis load', noEvents: 'No events yet',
      noEventsHint: 'Create an analysis task and events will show up here live.', noNodes: 'No node has joined', addNode: 'Let one join',
      noPoints: 'No point has coordinates yet', addPoint: 'Add a point', events: 'events', pictureOnWay: 'Picture on its way',
      offlineBase: 'Offline base map', fit: 'Show all points', eventsToday: 'Events today', open: 'Show events', state: 'State',
    },
    camera: { live: 'Live', connecting: 'Connecting', stalled: 'Stalled', refused: 'Refused', unreachable: 'Unreachable', idle: 'Pulled when asked', none: 'Not pulled' },
  },
)
