import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    nodes: {
      title: '接入节点', edit: '修改节点', site: '站点', anySite: '全部站点', noSite: '未指定站点', siteHint: '同一站点的设备处于同一局域网，可以互相探测、互传文件。用小写字母、数字和 . _ - 命名。', siteWrong: '站点只能用小写字母、数字和 . _ -，首尾为字母或数字，最长 64 个字符', search: '按名称或编号查找', notFound: '没有符合条件的节点', notFoundHint: '请更换或清除筛选条件。', one: '节点详情', hint: '智能设备的运行状态与能力', enrol: '接入新节点', cameras: '取流', tasks: '任务', backlog: '待上报事件', evidence: '待上传图片', restarts: '异常重启', lastSeen: '最近上报', software: '软件版本', panel: '设备面板',
      empty: '尚无节点接入', emptyHint: '在「接入管理」中制作接入包，设备导入后即可接入。', name: '节点名称', certificate: '证书有效期至', issued: '证书签发', key: '密钥指纹',
      removeAsk: '确定移除节点“{name}”？其证书立即失效，任务将重新分配。', cpu: '处理器', memory: '内存', disk: '磁盘', serial: '序列号', enrolled: '接入时间', plan: '计划版本', planText: '{applied} / {desired}',
      reason: '原因', resolution: '分辨率', fps: '帧率', bitrate: '码率', reconnects: '重连', camera: '点位', lane: '上报通道', produced: '已产生', acknowledged: '已确认', noCameras: '该节点目前没有取流任务', noTasks: '该节点目前没有分析任务', task: '任务', frames: '已分析帧', events: '事件数', status: '状态',
      laneBacklog: '待上报', gaps: '数据缺口', gapsHint: '设备在上报之前丢失的数据', gapRows: '序号', gapCount: '条数', gapSeen: '发现时间', gapReason: { quota: '通道配额已满', disk_full: '设备磁盘已满', overflow: '产生过快，来不及保存', damaged: '文件已损坏', expired: '中心曾收到，恢复备份后设备已过保留期', unknown: '原因不明' }, givenUp: '已舍弃',
      lanes: { events: '智能事件', results: '操作与结果', evidence: '事件图片', metrics: '运行指标' },
      state: { online: '在线', offline: '失联', awaited: '待上线', incompatible: '版本不兼容，请升级', revoked: '已吊销' },
      capability: { pull: '取流', snapshot: '抓图', analyse: '分析', record: '录像', store: '存储', work: '作业' },
    },
  },
  {
    nodes: {
      title: 'Nodes', edit: 'Edit node', site: 'Site', anySite: 'All sites', noSite: 'No site', siteHint: 'Nodes of one site share a local network: they probe each other and pass files on. Lower-case letters, digits and . _ -', siteWrong: 'Lower-case letters, digits and . _ - only; the first and last a letter or digit; at most 64', search: 'Search by name or id', notFound: 'No node matches', notFoundHint: 'Change or clear the filters.', one: 'Node', hint: 'Appliances, their state and capacity', enrol: 'Enrol a node', cameras: 'Cameras', tasks: 'Tasks', backlog: 'Events waiting', evidence: 'Pictures waiting', restarts: 'Restarts', lastSeen: 'Last seen', software: 'Software', panel: 'Panel',
      empty: 'No node has joined', emptyHint: 'Make an enrolment bundle on the page Access; a box that gets it joins by itself.', name: 'Name', certificate: 'Certificate until', issued: 'Issued', key: 'Key fingerprint',
      removeAsk: 'Remove the node “{name}”? Its certificates die at once and its tasks are placed anew.', cpu: 'CPU', memory: 'Memory', disk: 'Disk', serial: 'Serial', enrolled: 'Enrolled', plan: 'Plan version', planText: '{applied} / {desired}',
      reason: 'Reason', resolution: 'Resolution', fps: 'Frame rate', bitrate: 'Bit rate', reconnects: 'Reconnects', camera: 'Point', lane: 'Lane', produced: 'Produced', acknowledged: 'Acknowledged', noCameras: 'This node pulls no camera now', noTasks: 'This node has no task now', task: 'Task', frames: 'Frames', events: 'Events', status: 'Status',
      laneBacklog: 'Waiting', gaps: 'Gaps', gapsHint: 'what the box lost before it was handed over', gapRows: 'Numbers', gapCount: 'Rows', gapSeen: 'Seen', gapReason: { quota: 'the quota of the lane was reached', disk_full: 'the disk of the box was full', overflow: 'made faster than they could be kept', damaged: 'the file was damaged', expired: 'the hub had them before its restore; the box kept them for their time', unknown: 'unknown' }, givenUp: 'Given up',
      lanes: { events: 'Events', results: 'Results', evidence: 'Evidence pictures', metrics: 'Metrics' },
      state: { online: 'Online', offline: 'Offline', awaited: 'Awaited', incompatible: 'Incompatible; update it', revoked: 'Revoked' },
      capability: { pull: 'Pull', snapshot: 'Snapshot', analyse: 'Analyse', record: 'Record', store: 'Store', work: 'Work' },
    },
  },
)
