import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    tracing: {
      title: '链路追踪', hint: '事件从设备产生、中心入库到委办局推送的全链路', made: '设备产生', stored: '中心入库', published: '推送委办局', waiting: '设备待上报', perSecond: '条/秒', rows: '条', pictures: '另有待上传图片 {count} 张',
      rates: '最近一小时速率', backlog: '最近一小时积压', gathering: '正在采集，几秒后显示曲线', boxes: '各设备积压', name: '节点', produced: '已产生', acknowledged: '中心已确认', behind: '待上报', picturesBehind: '待上传图片', reportedAt: '上报时间', empty: '尚无节点接入', emptyHint: '在“接入节点”页面接入第一台设备后，这里显示全链路速率与积压。', events: '待上报事件', images: '待上传图片',
    },
  },
  {
    tracing: {
      title: 'Chain', hint: 'events from the box to the hub to the bureaus', made: 'made on boxes', stored: 'stored in the hub', published: 'passed to bureaus', waiting: 'waiting on boxes', perSecond: '/s', rows: 'events', pictures: 'and {count} pictures wait',
      rates: 'Rates of the last hour', backlog: 'Backlog of the last hour', gathering: 'Gathering; the curve is here in a few seconds', boxes: 'Backlog by box', name: 'Node', produced: 'Produced', acknowledged: 'Acknowledged', behind: 'Waiting', picturesBehind: 'Pictures waiting', reportedAt: 'Reported', empty: 'No node has joined', emptyHint: 'Enrol the first box on the page Nodes; its rates and backlog are then shown here.', events: 'events waiting', images: 'pictures waiting',
    },
  },
)
