import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    points: {
      title: '视频点位', hint: '接入平台的摄像机', create: '新建点位', edit: '编辑点位', id: '点位编号', idHint: '小写字母、数字、点、下划线或连字符，创建后不可修改', name: '点位名称', code: '国标编码', bureau: '委办单位', division: '行政区划', address: '地址',
      longitude: '经度', latitude: '纬度', stream: '视频流地址', streamHint: '支持 rtsp、rtsps、rtmp、http(s)，地址中不含用户名和密码', username: '摄像机用户名', password: '摄像机密码', keep: '留空则保持不变', onvif: 'ONVIF 服务地址', onvifHint: '用于云台、预置位抓图和补录，例如 http://192.0.2.10/onvif/device_service；没有可不填', state: '取流状态', node: '取流节点', tasks: '任务', today: '今日事件',
      search: '名称、编号、国标编码或地址', empty: '没有点位', emptyHint: '逐个新建，或按导出的表头准备 CSV 后批量导入。', removeAsk: '确定删除点位“{name}”？', forceAsk: '该点位上还有任务，一并删除点位和任务吗？', imported: '导入完成：新增 {created} 个，更新 {updated} 个',
      required: '必填项未填写', video: '视频', live: '实时', footage: '录像',
      recording: '录像状态', planHere: '由取流该点位的设备执行。', planOfBox: '未在此设置，按取流设备自身的设置录像；保存后以此为准。', planLeave: '改按设备自身的设置',
    },
  },
  {
    points: {
      title: 'Points', hint: 'Cameras of the platform', create: 'New point', edit: 'Edit point', id: 'Point id', idHint: 'a-z, 0-9, dot, underscore, hyphen; it cannot be changed later', name: 'Name', code: 'GB/T 28181 code', bureau: 'Bureau', division: 'Division', address: 'Address',
      longitude: 'Longitude', latitude: 'Latitude', stream: 'Stream address', streamHint: 'rtsp, rtsps, rtmp or http(s), without user name and password', username: 'Camera user', password: 'Camera password', keep: 'Empty keeps the present one', onvif: 'ONVIF service', onvifHint: 'By which the camera is turned, photographed at presets and asked for its own record, such as http://192.0.2.10/onvif/device_service; empty if it has none', state: 'Stream', node: 'Pulled by', tasks: 'Tasks', today: 'Events today',
      search: 'Name, id, code or address', empty: 'There is no point', emptyHint: 'Create one, or prepare a CSV with the columns of an export and import it.', removeAsk: 'Delete the point “{name}”?', forceAsk: 'The point still has tasks. Delete it with its tasks?', imported: 'Imported: {created} new, {updated} updated',
      required: 'Please fill in the required fields', video: 'Video', live: 'live', footage: 'recorded',
      recording: 'Recording', planHere: 'The box that pulls this point follows it.', planOfBox: 'Nothing is set here: the box that pulls the point decides. What you save holds instead.', planLeave: 'Leave it to the box',
    },
  },
)
