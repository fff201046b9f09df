import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    access: {
      title: '接入管理', hint: '设备凭证书接入，一机一证，随时可吊销',
      waiting: '待接入', joined: '已接入设备', bundles: '接入包',
      serial: '序列号', address: '设备地址', since: '发现于', ago: '{time}前', accept: '接入', acceptBox: '接入设备', acceptOther: '手动接入',
      noWaiting: '局域网内没有等待接入的设备', noWaitingHint: '设备通电联网后会自动出现在这里。不在同一局域网的设备，请用“手动接入”填写其地址、指纹和接入码，或使用接入包。', notWatching: '未监听局域网，设备不会自动出现；可手动接入或使用接入包',
      claimHint: '接入码显示在设备面板「接入中心」页和设备控制台上，每次使用后更换。', scan: '扫码', scanHint: '光标停在此处，用扫码枪扫描设备二维码，其余各项自动填写', scanned: '已读取设备二维码', compare: '请与设备面板或控制台上显示的指纹逐组核对', code: '接入码',
      accepted: '“{name}”已接入', notYet: '设备已收到接入包，但尚未接入成功，它会自动重试',
      node: '设备', certificateOf: '证书', key: '密钥指纹', keyHint: '与设备面板或控制台上显示的指纹逐组核对', until: '证书有效期至', renewed: '最近签发', never: '无证书', state: '状态',
      certificate: { good: '有效', soon: '即将到期', expired: '已过期', revoked: '已吊销', none: '无证书' },
      revoke: '吊销', revokeAsk: '确定吊销“{name}”的证书？其消息与图片连接立即断开，任务转移到其他设备；恢复需移除后重新接入。', revoked: '已吊销，连接已断开',
      noNodes: '尚无设备接入', noNodesHint: '在「待接入」中接入局域网内的设备，或制作接入包，拷入U盘插到设备上，设备联网后自动接入。',
      make: '制作接入包', makeHint: '一个接入包只能让一台设备接入一次。设备插入U盘、在设备面板上传，或用命令行导入后自动接入。', name: '设备名称', profile: '固件型号', valid: '有效期', day: '1 天', week: '7 天', month: '30 天', quarter: '90 天',
      saved: '接入包已保存为 {file}，只能下载这一次，请像保管钥匙一样保管。', saveAgain: '再次保存文件', another: '再做一个',
      noBundles: '没有接入包', noBundlesHint: '现场没有网络时，用接入包最方便：插上U盘即可，联网后自动接入。',
      bundleState: { unused: '待使用', used: '已使用', expired: '已过期' }, usedBy: '接入设备', expires: '有效期至', takeBack: '撤销', takeBackAsk: '撤销接入包“{name}”？尚未接入的设备将不能再使用它。', discard: '清除',
    },
  },
  {
    access: {
      title: 'Access', hint: 'Nodes come in by certificate, one each, revoked at any time',
      waiting: 'Waiting', joined: 'Nodes', bundles: 'Enrolment bundles',
      serial: 'Serial', address: 'Address', since: 'Seen since', ago: '{time} ago', accept: 'Accept', acceptBox: 'Accept the box', acceptOther: 'Accept by hand',
      noWaiting: 'No box waits on the local network', noWaitingHint: 'A box appears here once it has power and a network. One elsewhere is accepted by hand, with its address, fingerprint and code, or by a bundle.', notWatching: 'The local network is not watched: accept boxes by hand, or by bundles',
      claimHint: 'The box shows its code on the panel page Hub and on its console; each code works once.', scan: 'Scan', scanHint: 'With the cursor here, scan the QR code of the box: the rest is filled in', scanned: 'The QR code of the box is read', compare: 'Compare it, group by group, with what the panel or console of the box shows', code: 'Code',
      accepted: '“{name}” has joined', notYet: 'The box has the bundle, but has not joined yet; it goes on trying by itself',
      node: 'Node', certificateOf: 'Certificate', key: 'Key fingerprint', keyHint: 'Compare it, group by group, with what the panel or console of the box shows', until: 'Certificate until', renewed: 'Issued', never: 'no certificate', state: 'State',
      certificate: { good: 'valid', soon: 'runs out soon', expired: 'run out', revoked: 'revoked', none: 'no certificate' },
      revoke: 'Revoke', revokeAsk: 'Revoke the certificates of “{name}”? It is cut off at once and its tasks move; to come back it must be removed and let in anew.', revoked: 'Revoked and cut off',
      noNodes: 'No node has joined', noNodesHint: 'Accept a box that waits, or make a bundle, put it on a USB stick and plug it into the box: it joins as soon as it has a network.',
      make: 'Make a bundle', makeHint: 'A bundle lets one box in, once. The box takes it from a stick, by its panel or by its command line, and joins by itself.', name: 'Name of the node', profile: 'Firmware profile', valid: 'Valid for', day: '1 day', week: '7 days', month: '30 days', quarter: '90 days',
      saved: 'The bundle is saved as {file}. It can be had this once; keep it as you would keep a key.', saveAgain: 'Save the file again', another: 'Make another',
      noBundles: 'There is no bundle', noBundlesHint: 'Bundles are handy where the site has no network yet: plug the stick in, and the box joins once it has a route.',
      bundleState: { unused: 'unused', used: 'used', expired: 'expired' }, usedBy: 'Used by', expires: 'Expires', takeBack: 'Take back', takeBackAsk: 'Take the bundle “{name}” back? Boxes that have not joined cannot use it any more.', discard: 'Clear',
    },
  },
)
