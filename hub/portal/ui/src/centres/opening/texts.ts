import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    opening: {
      title: '事件订阅', hint: '按需向委办局推送智能事件', create: '新建订阅', bureau: '单位标识', bureauHint: '用于主题 feed/1/标识/events，仅限小写字母、数字和连字符', name: '单位名称', types: '事件类型', points: '点位范围', allTypes: '全部类型', allPoints: '全部点位', onlyTrue: '仅推送研判为正报的事件', only: '仅正报', every: '全部事件',
      topic: 'MQTT 主题', delivered: '已推送', last: '最近推送', enabled: '启用', renew: '重置密码', renewAsk: '重置后旧密码立即失效，确定继续？', removeAsk: '确定删除“{name}”的订阅？其凭据立即失效。', credentials: '接入凭据', once: '密码只显示这一次，请妥善保存。', address: '服务器地址', username: '用户名', password: '密码', ca: '平台CA证书（用于核验服务器，非保密）', saveCa: '保存 hub-ca.pem', example: '接入示例（Python，paho-mqtt）',
      empty: '还没有订阅', emptyHint: '为委办局新建订阅后，对方即可凭专属账号通过 MQTT 实时接收事件，并可按序号补取。', condition: '推送条件',
    },
  },
  {
    opening: {
      title: 'Subscriptions', hint: 'Events pushed to the bureaus that asked for them', create: 'New subscription', bureau: 'Bureau id', bureauHint: 'Names the topic feed/1/id/events; a-z, 0-9 and hyphen', name: 'Bureau', types: 'Event types', points: 'Points', allTypes: 'All types', allPoints: 'All points', onlyTrue: 'Only events judged true', only: 'True only', every: 'All events',
      topic: 'MQTT topic', delivered: 'Delivered', last: 'Last', enabled: 'On', renew: 'New password', renewAsk: 'The old password stops working at once. Go on?', removeAsk: 'Delete the subscription of “{name}”? Its credentials die at once.', credentials: 'Credentials', once: 'The password is shown this once; keep it safe.', address: 'Server', username: 'User', password: 'Password', ca: 'The hub’s CA certificate, by which the server is known (no secret)', saveCa: 'Save hub-ca.pem', example: 'Example (Python, paho-mqtt)',
      empty: 'There is no subscription', emptyHint: 'Once it is made, the bureau gets events live by MQTT with credentials of its own, and catches up by sequence number.', condition: 'Condition',
    },
  },
)
