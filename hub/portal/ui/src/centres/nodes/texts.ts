import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    nodes: {
      title: '接入节点', edit: '修改节点', site: '站点', anySite: '全部站点', noSite: '未指定站点', siteHint: '同一站点的设备处于同一局域网，可以互相探测、互传文件。用小写字母、数字和 . _ - 命名。', siteWrong: '站点只能用小写字母、数字和 . _ -，首尾为字母或数字，最长 64 个字符', search: '按名称或编号查找', notFound: '没有符合条件的节点', notFoundHint: '请更换或清除筛选条件。', one: '节点详情', hint: '智能设备的运行状态与能力', enrol: '接入新节点', cameras: '取流', tasks: '任务', backlog: '待上报事件', evidence: '待上传图片', restarts: '异常重启', lastSeen: '最近上报', software: '软件版本', panel: '设备面板',
      empty: '尚无节点接入', emptyHint: '在「接入管理」中制作接入包，设备导入后即可接入。', name: '节点名称', certificate: '证书有效期至', issued: '证书签发', key: '密钥指纹',
      removeAsk: '确定移除节点“{name}”？其证书立即失效，任务将重新分配。', serial: '序列号', enrolled: '接入时间',
      reason: '原因', resolution: '分辨率', fps: '帧率', bitrate: '码率', reconnects: '重连', camera: '点位', lane: '上报通道', produced: '已产生', acknowledged: '已确认', noCameras: '该节点目前没有取流任务', noTasks: '该节点目前没有分析任务', task: '任务', frames: '已分析帧', events: '事件数', status: '状态',
      laneBacklog: '待上报', gaps: '数据缺口', gapsHint: '设备在上报之前丢失的数据', gapRows: '序号', gapCount: '条数', gapSeen: '发现时间', gapReason: { quota: '通道配额已满', disk_full: '设备磁盘已满', overflow: '产生过快，来不及保存', damaged: '文件已损坏', expired: '中心曾收到，恢复备份后设备已不再保存', cleared: '中心曾收到，恢复备份后设备因磁盘已满不再保存', replaced: '设备数据库被更换或恢复，当时尚未上报', uncertain: '设备数据库被更换或恢复，当时可能产生过、也可能没有', missing: '交换文件未送达', unknown: '原因不明' }, givenUp: '已舍弃',
      lanes: { events: '智能事件', results: '操作与结果', evidence: '事件图片', metrics: '运行指标' },
      state: { online: '在线', suspect: '疑似失联', unknown: '失联', dead: '停机', awaited: '待上线', incompatible: '版本不兼容，请升级', revoked: '已吊销' },
      since: '自 {at}', heard: '最近收到心跳', hears: '设备收到应答', secondsAgo: '{s} 秒前', clock: '设备时钟', clockState: { synchronised: '已同步', unsynchronised: '时钟未同步，事件时间仅供参考' }, clockOffset: '与中心相差 {s} 秒',
      shard: { work: '任务计划版本', policy: '链路策略版本', captures: '抓图计划版本' }, versions: '已执行 {applied} / 下发 {wanted}', refused: '拒收的下发文件', address: '局域网地址',
      refusal: { oversized: '超出大小限制', malformed: '格式错误', unsigned: '没有签名', unknown_key: '签名密钥不被信任', wrong_signature: '签名不符', other_node: '不是发给本设备', replayed: '版本过旧（重放）', unfetched: '正文暂时取不到' },
      cause: { spoke: '设备正常应答。', link_lost: '设备与消息服务的连接已断开，正在核实。', silent: '超过规定时间没有收到心跳，正在核实。', reached: '同站点的 {who} 在局域网内可以访问该设备：它只是与中心断联，仍在独立工作，事件恢复连接后补报。', denied: '同站点的 {who} 在局域网内也访问不到该设备。', no_testimony: '已询问同站点设备，没有得到答复，暂不能判定。', no_witness: '同站点没有其他设备可供核实，暂不能判定。', site_silent: '整个站点失联，多半是站点网络中断；不会因此迁移任务。', no_address: '该设备没有上报可访问的局域网地址，无法核实。', operator: '由 {by} 人工判定。' },
      declareDead: '判定停机', declareAlive: '判定仍在工作', deadAsk: '确定判定节点“{name}”已经停机？断联策略为“迁移”的任务将立即改派到其他节点；其余任务保留在原节点。设备重新应答后自动恢复在线。', aliveAsk: '确定判定节点“{name}”仍在工作？任务将不再因其失联而改派。',
      policy: '链路策略', policyHint: '设备如何使用与中心之间的链路。站点可以有自己的策略，没有的站点使用全局策略。', policyScope: '适用范围', policyAll: '全部站点（全局）', policyOwn: '该站点使用自己的策略。', policyInherited: '该站点目前使用全局策略，保存后使用自己的策略。', policySaved: '链路策略已保存并下发', policyDrop: '改用全局策略', policyDropAsk: '站点“{site}”将改用全局策略。', beatEvery: '心跳间隔（秒）', reportEvery: '运行数据上报间隔（秒）', bandwidth: '文件传输限速时段', noLimit: '没有时段：全天不限速。', addWindow: '添加时段',
      capability: { pull: '取流', snapshot: '抓图', analyse: '分析', record: '录像', store: '存储', work: '作业' },
    },
    load: {
      title: '资源监控', hour: '近1小时', day: '近24小时', week: '近7天', every: '资源监控间隔（秒）',
      cpu: 'CPU', cpuPeak: 'CPU 峰值', memory: '内存', disk: '磁盘',
      none: '该时段没有监控数据', noneHint: '节点在线时每隔几秒上报一次，每5分钟汇总为一个点；断网期间不补报',
    },
  },
  {
    nodes: {
      title: 'Nodes', edit: 'Edit node', site: 'Site', anySite: 'All sites', noSite: 'No site', siteHint: 'Nodes of one site share a local network: they probe each other and pass files on. Lower-case letters, digits and . _ -', siteWrong: 'Lower-case letters, digits and . _ - only; the first and last a letter or digit; at most 64', search: 'Search by name or id', notFound: 'No node matches', notFoundHint: 'Change or clear the filters.', one: 'Node', hint: 'Appliances, their state and capacity', enrol: 'Enrol a node', cameras: 'Cameras', tasks: 'Tasks', backlog: 'Events waiting', evidence: 'Pictures waiting', restarts: 'Restarts', lastSeen: 'Last seen', software: 'Software', panel: 'Panel',
      empty: 'No node has joined', emptyHint: 'Make an enrolment bundle on the page Access; a box that gets it joins by itself.', name: 'Name', certificate: 'Certificate until', issued: 'Issued', key: 'Key fingerprint',
      removeAsk: 'Remove the node “{name}”? Its certificates die at once and its tasks are placed anew.', serial: 'Serial', enrolled: 'Enrolled',
      reason: 'Reason', resolution: 'Resolution', fps: 'Frame rate', bitrate: 'Bit rate', reconnects: 'Reconnects', camera: 'Point', lane: 'Lane', produced: 'Produced', acknowledged: 'Acknowledged', noCameras: 'This node pulls no camera now', noTasks: 'This node has no task now', task: 'Task', frames: 'Frames', events: 'Events', status: 'Status',
      laneBacklog: 'Waiting', gaps: 'Gaps', gapsHint: 'what the box lost before it was handed over', gapRows: 'Numbers', gapCount: 'Rows', gapSeen: 'Seen', gapReason: { quota: 'the quota of the lane was reached', disk_full: 'the disk of the box was full', overflow: 'made faster than they could be kept', damaged: 'the file was damaged', expired: 'the hub had them before its restore; the box holds them no more', cleared: 'the hub had them before its restore; the box cleared them when its disk was full', replaced: 'they went with a database of the box that was replaced or restored, before the hub had them', uncertain: 'they went with a database of the box that was replaced or restored, if there were any: it cannot tell', missing: 'a file of a border never came', unknown: 'unknown' }, givenUp: 'Given up',
      lanes: { events: 'Events', results: 'Results', evidence: 'Evidence pictures', metrics: 'Metrics' },
      state: { online: 'Online', suspect: 'Suspect', unknown: 'Cut off', dead: 'Dead', awaited: 'Awaited', incompatible: 'Incompatible; update it', revoked: 'Revoked' },
      since: 'since {at}', heard: 'Last beat heard', hears: 'It last heard us', secondsAgo: '{s} s ago', clock: 'Its clock', clockState: { synchronised: 'Synchronised', unsynchronised: 'Not synchronised; times of its events are uncertain' }, clockOffset: '{s} s from the hub',
      shard: { work: 'Plan of tasks', policy: 'Link policy', captures: 'Plan of snapshots' }, versions: 'follows {applied}, wanted {wanted}', refused: 'Documents refused', address: 'Local address',
      refusal: { oversized: 'too large', malformed: 'malformed', unsigned: 'unsigned', unknown_key: 'signed by an unknown key', wrong_signature: 'wrong signature', other_node: 'for another node', replayed: 'older than what is followed (replay)', unfetched: 'text could not be fetched' },
      cause: { spoke: 'It answers.', link_lost: 'Its connection to the broker was lost; its neighbours are being asked.', silent: 'No beat for too long; its neighbours are being asked.', reached: '{who} of its site reaches it on the local network: it is only cut off from the hub and goes on working; its events will come later.', denied: '{who} of its site does not reach it on the local network either.', no_testimony: 'Its neighbours were asked and did not answer; nobody can tell.', no_witness: 'No other node stands at its site; nobody can tell.', site_silent: 'The whole site is silent, most likely its network; no task moves for that.', no_address: 'It never told a local address; nobody can look after it.', operator: 'Declared by {by}.' },
      declareDead: 'Declare dead', declareAlive: 'Declare alive', deadAsk: 'Declare the node “{name}” dead? Tasks that shall move when it is cut off move at once; the others stay with it. It is online again as soon as it speaks.', aliveAsk: 'Declare that the node “{name}” still works? Its tasks will not move because of its silence.',
      policy: 'Link policy', policyHint: 'How nodes use their link to the hub. A site may have a policy of its own; all others follow the general one.', policyScope: 'Applies to', policyAll: 'All sites (general)', policyOwn: 'This site has a policy of its own.', policyInherited: 'This site follows the general policy; saving gives it one of its own.', policySaved: 'The link policy is saved and sent', policyDrop: 'Follow the general policy', policyDropAsk: 'The site “{site}” will follow the general policy.', beatEvery: 'Beats every (s)', reportEvery: 'Figures every (s)', bandwidth: 'Limits of file transfers', noLimit: 'No window: no limit at any time.', addWindow: 'Add a window',
      capability: { pull: 'Pull', snapshot: 'Snapshot', analyse: 'Analyse', record: 'Record', store: 'Store', work: 'Work' },
    },
    load: {
      title: 'Load', hour: 'Last hour', day: 'Last 24 hours', week: 'Last 7 days', every: 'Load told every (s)',
      cpu: 'CPU', cpuPeak: 'CPU peak', memory: 'Memory', disk: 'Disk',
      none: 'Nothing was heard in this time', noneHint: 'While online a node says every few seconds how busy it is; five minutes make one point. What was not delivered is not sent later.',
    },
  },
)
