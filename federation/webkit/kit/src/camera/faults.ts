import { addTexts, bilingual, translate, translates } from '../language.ts'

/** Why a camera's stream does not flow, in words: what is wrong, and what to do. Keys are the codes of the appliance. */
const cameraFaults = bilingual(
  {
    cameraFault: {
      bad_address: { what: '地址格式不正确', todo: '检查地址，如 rtsp://192.168.1.64:554/…，地址中不要写用户名和密码。' },
      unknown_host: { what: '域名无法解析', todo: '检查主机名拼写和本机 DNS 设置，或改用 IP 地址。' },
      no_host: { what: '摄像机没有响应', todo: '确认摄像机已通电、网线已连接、IP 地址正确，与本机在同一网络。' },
      no_route: { what: '到摄像机的网络不通', todo: '检查网线、交换机和网关设置。' },
      port_closed: { what: '摄像机在线，但端口未开放', todo: '检查端口号；在摄像机上启用 RTSP 服务，或等待其重启完成。' },
      no_connection: { what: '连接失败', todo: '检查摄像机与网络后重试。' },
      connection_lost: { what: '连接被摄像机断开', todo: '系统会自动重连；若反复出现，检查摄像机负载与网络。' },
      session_ended: { what: '摄像机结束了会话', todo: '系统会自动重连；若反复出现，检查是否有人在抢占码流。' },
      untrusted: { what: '摄像机的证书不受信任', todo: '核对指纹无误后信任此证书，或更换由可信机构签发的证书。' },
      tls_failed: { what: '加密连接建立失败', todo: '确认该端口支持 RTSPS，并升级摄像机固件。' },
      insecure_redirect: { what: '摄像机要求跳转到未加密地址', todo: '如可接受，请直接填写 rtsp:// 地址。' },
      moved_too_often: { what: '摄像机反复跳转', todo: '检查摄像机的地址跳转设置。' },
      password_needed: { what: '需要用户名和密码', todo: '填写摄像机的用户名和密码。' },
      wrong_password: { what: '用户名或密码错误', todo: '核对后再试；多次错误可能使摄像机锁定账号。' },
      unknown_scheme: { what: '不支持摄像机的认证方式', todo: '在摄像机上改用 Digest 认证。' },
      forbidden: { what: '该用户无权查看此码流', todo: '在摄像机上为该用户开通预览权限。' },
      not_found: { what: '摄像机上没有这路码流', todo: '检查地址中的路径（通道号、主/子码流）。' },
      camera_busy: { what: '摄像机连接数已满或正忙', todo: '关闭其他取流客户端，或改用子码流。' },
      camera_refused: { what: '摄像机拒绝了请求', todo: '查看下方详情，检查摄像机设置。' },
      unsupported_transport: { what: '摄像机不支持该传输方式', todo: '将传输方式改为「自动」。' },
      unsupported_codec: { what: '视频编码不支持', todo: '在摄像机上改为 H.264 或 H.265。' },
      no_video: { what: '该地址没有视频', todo: '检查地址中的路径，或在摄像机上启用视频。' },
      no_ports: { what: '本机 UDP 端口已用尽', todo: '将传输方式改为 TCP。' },
      no_answer: { what: '已连接，但摄像机不应答', todo: '重启摄像机；检查是否为 RTSP 端口。' },
      no_pictures: { what: '已连接，但没有画面数据', todo: '检查摄像机是否死机；使用 UDP 时检查防火墙，或改用 TCP。' },
      no_key_frame: { what: '码流中没有关键帧', todo: '将摄像机的 I 帧间隔设为 1–2 秒。' },
      damaged: { what: '码流损坏，无法解码', todo: '网络丢包严重，检查网络或改用 TCP、降低码率。' },
      unreadable_parameters: { what: '码流参数无法识别', todo: '若没有画面，请升级摄像机固件或改用其他编码。' },
      protocol_violation: { what: '对方不是 RTSP 摄像机，或协议异常', todo: '检查端口号和协议类型。' },
      no_process: { what: '取流进程异常退出', todo: '系统会自动重启取流；若反复出现，请联系技术支持。' },
      too_large: { what: '码流占用内存过大', todo: '降低摄像机分辨率。' },
      undecodable: { what: '收到画面，但无法解码', todo: '升级摄像机固件，或改为 H.264 编码。' },
    },
  },
  {
    cameraFault: {
      bad_address: { what: 'The address is not well formed', todo: 'Use rtsp://192.168.1.64:554/…, without user name and password in it.' },
      unknown_host: { what: 'No name server knows this host', todo: "Check the spelling and this box's DNS, or use the IP address." },
      no_host: { what: 'Nothing answers at this address', todo: 'Is the camera powered, its cable plugged in, its IP address right, and on the same network?' },
      no_route: { what: 'No way leads to the camera', todo: 'Check cables, switch and gateway.' },
      port_closed: { what: 'The camera is there, its port is closed', todo: 'Check the port; enable RTSP on the camera, or wait until it has started.' },
      no_connection: { what: 'The connection failed', todo: 'Check camera and network, and try again.' },
      connection_lost: { what: 'The camera closed the connection', todo: "It is tried again by itself; if it keeps happening, look at the camera's load and the network." },
      session_ended: { what: 'The camera ended the session', todo: 'It is tried again by itself; if it keeps happening, somebody else may be taking the stream.' },
      untrusted: { what: "The camera's certificate is not trusted", todo: 'Compare the fingerprint and trust it, or give the camera a certificate of a trusted authority.' },
      tls_failed: { what: 'No encrypted connection came about', todo: 'Does this port speak RTSPS? Update the firmware of the camera.' },
      insecure_redirect: { what: 'The camera leads to an address without encryption', todo: 'If that is acceptable, enter the rtsp:// address itself.' },
      moved_too_often: { what: 'The camera redirects again and again', todo: "Check the camera's redirects." },
      password_needed: { what: 'User name and password are needed', todo: 'Enter those of the camera.' },
      wrong_password: { what: 'Wrong user name or password', todo: 'Check before the next try: cameras lock accounts after a few.' },
      unknown_scheme: { what: 'The camera asks for the password in an unknown way', todo: 'Set the camera to Digest authentication.' },
      forbidden: { what: 'This user may not see this stream', todo: 'Allow the user to view on the camera.' },
      not_found: { what: 'The camera has no such stream', todo: 'Check the path in the address: channel, main or sub stream.' },
      camera_busy: { what: 'The camera serves as many viewers as it can', todo: 'Close other clients, or use the sub stream.' },
      camera_refused: { what: 'The camera refuses', todo: "See below, and check the camera's settings." },
      unsupported_transport: { what: 'The camera does not send in this way', todo: 'Set the transport to automatic.' },
      unsupported_codec: { what: 'The codec is not supported', todo: 'Set the camera to H.264 or H.265.' },
      no_video: { what: 'There is no video at this address', todo: 'Check the path, or enable video on the camera.' },
      no_ports: { what: 'No UDP ports are left on this box', todo: 'Set the transport to TCP.' },
      no_answer: { what: 'Connected, and the camera does not answer', todo: 'Restart the camera; is this its RTSP port?' },
      no_pictures: { what: 'Connected, and no pictures come', todo: 'The camera may hang. With UDP look at firewalls, or use TCP.' },
      no_key_frame: { what: 'No key frame is in the stream', todo: 'Set the key frame interval of the camera to one or two seconds.' },
      damaged: { what: 'The stream is damaged', todo: 'Packets are lost: check the network, use TCP or a lower bit rate.' },
      unreadable_parameters: { what: "The stream's parameters cannot be read", todo: 'If there is no picture, update the firmware or choose another codec.' },
      protocol_violation: { what: 'This is no RTSP camera, or it breaks the protocol', todo: 'Check port and protocol.' },
      no_process: { what: 'The process that pulls it ended', todo: 'It is started again by itself; if it keeps happening, ask for support.' },
      too_large: { what: 'The stream takes too much memory', todo: 'Lower the resolution of the camera.' },
      undecodable: { what: 'Pictures come and cannot be decoded', todo: 'Update the firmware, or set the camera to H.264.' },
    },
  },
)
addTexts(cameraFaults)

export interface CameraFault {
  what: string
  todo: string
  detail: string
}

/** Say in words what `code: detail` of a camera means; nothing for an empty reason. */
export function cameraFault(reason: string): CameraFault | null {
  if (!reason) return null
  const place = reason.indexOf(': ')
  const code = place < 0 ? reason : reason.slice(0, place)
  const detail = place < 0 ? '' : reason.slice(place + 2)
  const known = `cameraFault.${code}`
  if (!translates(`${known}.what`)) return { what: detail || code, todo: '', detail: '' }
  return { what: translate(`${known}.what`), todo: translate(`${known}.todo`), detail }
}
