import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    cascade: {
      title: '平台级联', hint: '本平台作为上级平台的一个节点，逐级上报事件与图片；断网期间数据留在本平台，恢复后自动补报',
      above: '上级平台', below: '下级平台',
      none: '尚未接入上级平台', noneHint: '请上级平台管理员在其“接入管理”页制作接入包（类型选 hub），再在这里导入。',
      join: '导入接入包', tooLarge: '文件过大，不是接入包', joining: '正在接入“{hub}”', tried: '{reason}；将自动重试。',
      connected: '已连接', disconnected: '未连接，数据留在本平台，恢复后自动补报', refused: '上级平台拒绝：{reason}',
      hub: '平台名称', address: '接入地址', node: '本平台在上级的节点编号', joinedAt: '接入时间', since: '本次连接', lastAck: '最近确认', ago: '{time}前', certificate: '证书有效期至',
      handedOn: '已上报事件', acknowledged: '上级已确认', waiting: '待上报事件', pictures: '待上报图片',
      leave: '脱离上级', leaveAsk: '脱离上级平台“{hub}”后，未上报的 {count} 条事件不再上报（仍保存在本平台）。确定脱离？',
      lowerNone: '还没有下级平台接入', lowerNoneHint: '在“接入管理”页制作类型为 hub 的接入包，交给下级平台管理员导入。', access: '去制作接入包',
      name: '下级平台', state: '状态', backlog: '待上报事件', lastSeen: '最近心跳', never: '从未',
    },
  },
  {
    cascade: {
      title: 'Cascade', hint: 'This hub as a node of an upper hub: events and pictures go up hop by hop; while the link is cut they stay here, and go up later',
      above: 'Upper hub', below: 'Hubs below',
      none: 'No upper hub', noneHint: 'The administrator of the upper hub makes a bundle for a node of the kind "hub" on its page Access; import it here.',
      join: 'Import a bundle', tooLarge: 'The file is too large for a bundle', joining: 'Joining {hub}', tried: '{reason}; it is tried again by itself.',
      connected: 'connected', disconnected: 'not connected; everything stays here and goes up later', refused: 'refused by the upper hub: {reason}',
      hub: 'Name', address: 'Address', node: 'Node there', joinedAt: 'Joined', since: 'Connected since', lastAck: 'Last acknowledgement', ago: '{time} ago', certificate: 'Certificate until',
      handedOn: 'Events handed on', acknowledged: 'acknowledged', waiting: 'Events waiting', pictures: 'Pictures waiting',
      leave: 'Leave', leaveAsk: 'After leaving {hub}, {count} events that wait will not go up any more (they stay here). Leave?',
      lowerNone: 'No hub below', lowerNoneHint: 'Make a bundle of the kind "hub" on the page Access and give it to the administrator of the hub below.', access: 'Make a bundle',
      name: 'Hub below', state: 'State', backlog: 'Events waiting', lastSeen: 'Last sign of life', never: 'never',
    },
  },
)
