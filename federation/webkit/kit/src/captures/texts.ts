import { bilingual } from '../language.ts'

/** Words of snapshot plans, the same at box and hub; `captureReason` by the stable code that a box gives. */
export const captureTexts = bilingual(
  {
    plans: {
      lastHour: '近一小时 {done} 张', failedLastHour: '失败 {failed} 次', typePresets: '输入预置位编号，回车添加；不填则抓当前画面',
      target: '推送到服务（可选）', targetHint: '每张图片以 JPEG 发往此地址，失败后自动重试 24 小时；地址中可用 {\'{point}\'}、{\'{snapshot}\'} 代表点位编号与抓图编号。', algorithm: '分析算法（可选）', noAlgorithm: '不分析', algorithmHint: '抓到的图片每批最多 100 张送入图片任务分析。', noAlgorithmHint: '暂无可用算法，算法下发并加载后可选。', token: '访问令牌', tokenKept: '留空则保持不变', tokenNone: '没有可不填', ofHub: '平台下发', ofHubHint: '此计划由平台下发，请在平台修改',
      title: '抓图计划', add: '新建计划', edit: '修改计划', none: '还没有抓图计划', noneHint: '计划按间隔自动抓图，各摄像机的抓拍时刻自动错开。',
      name: '计划名称', enabled: '启用', interval: '抓图间隔', intervalHint: '至少 10 秒', every: '每', cameras: '摄像机', allCameras: '全选', hoursOfWeek: '工作时段', special: '例外日期',
      always: '未设时段：全天抓图', noSpecial: '没有例外日期', addSpecial: '添加例外日期', closed: '不抓图', ownHours: '按时段',
      cruise: '巡航预置位（按所选顺序依次抓图，完成后归位）', asItLooks: '不转动，抓当前画面', dwell: '停留', noPresets: '暂时无法读取预置位，可直接输入编号。',
      unit: { second: '秒', minute: '分钟', hour: '小时' }, seconds: '{count} 秒', minutes: '{count} 分钟', hours: '{count} 小时',
      cameraCount: '{count} 台摄像机', pace: '约 {count} 张/分钟', missing: '{count} 台已不在本机', works: '运行中', waits: '不在时段内', off: '已停用', saved: '计划已保存', removeAsk: '删除计划「{name}」？已抓的图片会保留。',
    },
    captureReason: {
      unknown_camera: '本机没有这台摄像机', unknown_preset: '摄像机上没有这个预置位', cannot_turn: '未填写摄像机的 ONVIF 地址', does_not_rest: '摄像机转动后未停稳', device_fault: '摄像机拒绝转动，请检查预置位', device_cannot: '摄像机不支持此操作', device_unreachable: 'ONVIF 地址无应答', device_refuses_credentials: 'ONVIF 用户名或密码错误', not_onvif: '该地址不是 ONVIF 服务', process_away: '取流进程未就绪', no_picture: '摄像机未按时送出画面', disk_full: '磁盘空间不足', too_busy: '抓图任务过多', stopped: '设备正在停止', picture_removed: '图片已不在设备上', picture_expired: '图片超过设备保存天数，未及上传', picture_cleared: '设备空间不足，图片未及上传已清理', picture_damaged: '图片在设备上已损坏',
    },
  },
  {
    plans: {
      lastHour: '{done} within the last hour', failedLastHour: '{failed} failed', typePresets: 'Type the token of a preset and press Enter; none: as it looks',
      target: 'Service that gets the pictures (optional)', targetHint: 'Each picture goes to this address as JPEG and is tried again for 24 hours; {\'{point}\'} and {\'{snapshot}\'} in it stand for their ids.', algorithm: 'Algorithm that looks at the pictures (optional)', noAlgorithm: 'none', algorithmHint: 'The pictures go into picture tasks, up to 100 in each.', noAlgorithmHint: 'No algorithm can look at pictures yet.', token: 'Access token', tokenKept: 'Empty keeps the present one', tokenNone: 'Empty for none', ofHub: 'by the hub', ofHubHint: 'The hub has made this plan; it is changed in the portal',
      title: 'Plans', add: 'New plan', edit: 'Change plan', none: 'No plans yet', noneHint: 'A plan takes pictures by itself again and again; the cameras take turns.',
      name: 'Name', enabled: 'On', interval: 'Interval', intervalHint: 'at least 10 s', every: 'Every', cameras: 'Cameras', allCameras: 'All', hoursOfWeek: 'Hours', special: 'Exceptions',
      always: 'no hours: all day, every day', noSpecial: 'no exceptions', addSpecial: 'Exception', closed: 'nothing', ownHours: 'own hours',
      cruise: 'Presets of the round, in this order; then the camera goes home', asItLooks: 'as it looks', dwell: 'rest', noPresets: 'The presets cannot be read now; type their tokens.',
      unit: { second: 's', minute: 'min', hour: 'h' }, seconds: '{count} s', minutes: '{count} min', hours: '{count} h',
      cameraCount: '{count} cameras', pace: 'about {count} a minute', missing: '{count} not on this box any more', works: 'working', waits: 'outside its hours', off: 'off', saved: 'The plan is kept', removeAsk: 'Remove the plan "{name}"? Its pictures stay.',
    },
    captureReason: {
      unknown_camera: 'no such camera on this box', unknown_preset: 'the camera remembers no such preset', cannot_turn: 'the ONVIF address is not known', does_not_rest: 'the camera did not come to rest', device_fault: 'the camera refuses; check the preset', device_cannot: 'the camera cannot do this', device_unreachable: 'nothing answers at the ONVIF address', device_refuses_credentials: 'wrong ONVIF user name or password', not_onvif: 'this is no ONVIF service', process_away: 'the process that pulls cameras is not ready', no_picture: 'the camera sent no picture in time', disk_full: 'the disk is full', too_busy: 'too many snapshots', stopped: 'the box is stopping', picture_removed: 'the box has it no more', picture_expired: 'the box kept it for its days and could not hand it over', picture_cleared: 'the box needed its space before it was handed over', picture_damaged: 'damaged on the disk of the box',
    },
  },
)
