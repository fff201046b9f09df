import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    exchange: {
      title: '网闸交换', hint: '网闸只放行文件时，设备与平台通过签名加密的交换包互通',
      off: '尚未启用网闸交换', offHint: '在平台配置文件的 [exchange] 中设置 in_folder（网闸送入文件的目录）；双向网闸再设置 out_folder（由网闸取走文件的目录），然后重启平台。',
      empty: '还没有设备通过网闸接入', emptyHint: '在设备面板“网闸交换”页生成接入申请文件，由人员带到这里导入。',
      admit: '导入接入申请', choose: '选择申请文件', tooLarge: '文件过大，不是接入申请或对账报告',
      hubId: '平台标识', fingerprint: '密钥指纹', inFolder: '入口目录', outFolder: '出口目录', noOut: '未设置，只进不出', taken: '已接收交换包', refused: '拒收文件', quarantine: '隔离区', files: '{count} 个 · {size}', sinceStart: '自平台启动以来',
      node: '节点', direction: '方向', twoWay: '双向', oneWay: '单向导入', lastFile: '最近接收', serial: '第 {serial} 号', never: '尚未收到文件', answered: '最近下发', missing: '缺失包号', holes: '缺失数据', rows: '{count} 条', pictures: '缺失图片', picturesOf: '{count} 张', none: '无', reconciled: '最近对账', notReconciled: '尚未对账', equal: '一致', differs: '{count} 处不一致',
      report: '下载对账报告', readReport: '导入设备报告', download: '下载对账报告', detail: '对账结果',
      detailHint: '设备有而平台没有、或两边不一致的数据。双向网闸会自动补传；单向网闸请下载本平台的对账报告，带到设备面板“网闸交换”页导入，即可按范围再次导出。',
      lane: '通道', fault: '情况', range: '序号范围', days: '日期', more: '另有 {count} 处未列出', madeAt: '设备报告时间', comparedAt: '比对时间',
      faults: { missing: '平台缺失', different: '内容不一致', other_epoch: '设备数据库已重建' },
      reasons: { foreign: '不是交换包', too_large: '文件过大', truncated: '文件不完整', malformed: '格式错误', unknown_version: '版本不支持', renamed: '文件名被更改', wrong_receiver: '不是发给本平台的', unknown_sender: '发送方未登记', wrong_signature: '签名错误', damaged: '内容被改动', unreadable: '无法解密', bomb: '解压后超限', replayed: '重复的包号' },
      serialNo: '设备序列号', profile: '固件型号', software: '软件版本', madeOn: '申请时间', compare: '请与设备面板上显示的指纹逐字核对，一致方可准入。', known: '该设备已接入为节点“{id}”，准入后同时通过网闸交换文件。', name: '节点名称', site: '站点', accept: '核对一致，准入', answerReady: '已准入为节点“{id}”。请把答复文件带回设备，在设备面板“网闸交换”页导入。', answer: '下载答复文件',
    },
  },
  {
    exchange: {
      title: 'File exchange', hint: 'Where a border passes files only, boxes and hub exchange signed, sealed parcels',
      off: 'File exchange is off', offHint: 'Set in_folder (into which the border puts files) below [exchange] in the hub’s configuration; for a two-way border also out_folder (from which it takes them). Then restart the hub.',
      empty: 'No box has joined across a border', emptyHint: 'Make a request on the box’s panel, page File exchange, carry the file here and import it.',
      admit: 'Import a request', choose: 'Choose the request', tooLarge: 'The file is too large for a request or a report',
      hubId: 'Hub', fingerprint: 'Fingerprint of the key', inFolder: 'In-folder', outFolder: 'Out-folder', noOut: 'not set: nothing goes out', taken: 'Parcels taken', refused: 'Files refused', quarantine: 'Quarantine', files: '{count} · {size}', sinceStart: 'since the hub’s start',
      node: 'Node', direction: 'Direction', twoWay: 'two-way', oneWay: 'one-way in', lastFile: 'Last parcel', serial: 'no. {serial}', never: 'none yet', answered: 'Last answer', missing: 'Missing numbers', holes: 'Missing rows', rows: '{count} rows', pictures: 'Missing pictures', picturesOf: '{count}', none: 'none', reconciled: 'Reconciliation', notReconciled: 'not yet', equal: 'equal', differs: '{count} differences',
      report: 'Download report', readReport: 'Import the box’s report', download: 'Download report', detail: 'Reconciliation',
      detailHint: 'What the box has and this hub has not, or not in the same way. A two-way border mends it by itself; for a one-way border download this hub’s report and import it on the box’s panel, page File exchange: what is missing is exported again.',
      lane: 'Lane', fault: 'What', range: 'Numbers', days: 'Days', more: '{count} more', madeAt: 'Report of the box', comparedAt: 'Compared',
      faults: { missing: 'missing here', different: 'not the same rows', other_epoch: 'the box’s database is a new one' },
      reasons: { foreign: 'no parcel', too_large: 'too large', truncated: 'incomplete', malformed: 'malformed', unknown_version: 'unknown version', renamed: 'renamed', wrong_receiver: 'for another', unknown_sender: 'unknown sender', wrong_signature: 'wrong signature', damaged: 'changed', unreadable: 'cannot be unsealed', bomb: 'unpacks beyond limits', replayed: 'number came before' },
      serialNo: 'Serial number', profile: 'Firmware profile', software: 'Software', madeOn: 'Made', compare: 'Compare the fingerprint with the one on the box’s panel, letter by letter, before you let it in.', known: 'The box is the node “{id}” already; it will exchange files too.', name: 'Name', site: 'Site', accept: 'They are equal: let it in', answerReady: 'Let in as the node “{id}”. Carry the answer back and import it on the box’s panel, page File exchange.', answer: 'Download the answer',
    },
  },
)
