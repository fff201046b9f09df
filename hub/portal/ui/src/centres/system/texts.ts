import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    system: {
      users: '用户管理', audit: '审计日志', usersHint: '账号、角色与状态', auditHint: '中心与各设备上的每一次变更与登录都有记录', create: '新建用户', username: '用户名', usernameHint: '2–32 位小写字母、数字、点、下划线或连字符', displayName: '姓名', role: '角色', status: '状态', active: '正常', disabled: '已停用', locked: '已锁定', mustChange: '待改密', lastSignIn: '最近登录', createdAt: '创建时间',
      disable: '停用', enable: '启用', reset: '重置密码', resetAsk: '为“{name}”生成新的初始密码？原密码立即失效。', removeAsk: '确定删除用户“{name}”？', first: '初始密码', once: '初始密码只显示这一次，用户首次登录时须修改。',
      at: '时间', actor: '操作者', action: '动作', subject: '对象', outcome: '结果', peer: '来源地址', detail: '内容', ok: '成功', failed: '失败', actionHint: '动作，如 task. 或 session.failed', origin: '来源节点', originAny: '全部节点', atHub: '中心平台',
      actions: {
        session: { created: '登录', failed: '登录失败', ended: '退出登录' }, password: { changed: '修改密码', failed: '修改密码失败' },
        user: { create: '新建用户', change: '修改用户', reset_password: '重置密码', remove: '删除用户' },
        point: { create: '新建点位', change: '修改点位', delete: '删除点位', import: '导入点位' },
        task: { create: '新建任务', change: '修改任务', start: '启动任务', stop: '停止任务', delete: '删除任务', move: '任务改派', add: '本机添加任务', remove: '本机移除任务' },
        algorithm: { create: '内置算法上架', import: '导入算法', shelf: '算法上下架', delete: '删除算法' },
        enrolment_bundle: { create: '制作接入包', remove: '撤销接入包' },
        node: { enrol: '节点接入', claim: '认领设备', renew: '证书续签', change: '修改节点', revoke: '吊销证书', remove: '移除节点', declare: '人工判定状态' }, link_policy: { set: '设置链路策略', remove: '取消站点链路策略' },
        subscription: { create: '新建订阅', switch: '订阅启停', credentials: '重发订阅凭据', delete: '删除订阅' },
        event: { judge: '事件研判' },
        camera: { add: '本机添加摄像机', remove: '本机移除摄像机' }, process: { restart: '进程异常重启' }, desired: { apply: '应用中心配置' }, hub: { join: '接入中心', bundle: '面板导入接入包' }, claim: { taken: '被中心认领', failed: '接入码错误', locked: '接入码错误次数过多，已锁定' },
      },
      kinds: { anonymous: '未登录', user: '用户', node: '节点', console: '本机控制台', hub: '平台', appliance: '设备', scraper: '指标采集' },
    },
  },
  {
    system: {
      users: 'Users', audit: 'Audit', usersHint: 'Accounts, roles and state', auditHint: 'Every change and every sign-in, at the hub and on every box', create: 'New user', username: 'User name', usernameHint: '2–32 of a-z, 0-9, dot, underscore, hyphen', displayName: 'Name', role: 'Role', status: 'State', active: 'Active', disabled: 'Disabled', locked: 'Locked', mustChange: 'Must change password', lastSignIn: 'Last sign-in', createdAt: 'Created',
      disable: 'Disable', enable: 'Enable', reset: 'Reset password', resetAsk: 'Make a new first password for “{name}”? The present one stops working at once.', removeAsk: 'Delete the user “{name}”?', first: 'First password', once: 'It is shown this once and must be changed at the first sign-in.',
      at: 'Time', actor: 'Who', action: 'Action', subject: 'Subject', outcome: 'Outcome', peer: 'From', detail: 'Detail', ok: 'Done', failed: 'Failed', actionHint: 'Action, e.g. task. or session.failed', origin: 'Where', originAny: 'All nodes', atHub: 'this hub',
      actions: {
        session: { created: 'Signed in', failed: 'Sign-in failed', ended: 'Signed out' }, password: { changed: 'Password changed', failed: 'Password change failed' },
        user: { create: 'User created', change: 'User changed', reset_password: 'Password reset', remove: 'User removed' },
        point: { create: 'Point created', change: 'Point changed', delete: 'Point deleted', import: 'Points imported' },
        task: { create: 'Task created', change: 'Task changed', start: 'Task started', stop: 'Task stopped', delete: 'Task deleted', move: 'Task moved', add: 'Task added on the box', remove: 'Task removed on the box' },
        algorithm: { create: 'Built-in algorithm added', import: 'Algorithm imported', shelf: 'Algorithm shelved', delete: 'Algorithm deleted' },
        enrolment_bundle: { create: 'Enrolment bundle made', remove: 'Enrolment bundle taken back' },
        node: { enrol: 'Node enrolled', claim: 'Box claimed', renew: 'Certificate renewed', change: 'Node changed', revoke: 'Node revoked', remove: 'Node removed', declare: 'Node declared' }, link_policy: { set: 'Link policy set', remove: 'Link policy of a site removed' },
        subscription: { create: 'Subscription created', switch: 'Subscription switched', credentials: 'Credentials renewed', delete: 'Subscription deleted' },
        event: { judge: 'Event judged' },
        camera: { add: 'Camera added on the box', remove: 'Camera removed on the box' }, process: { restart: 'Process restarted' }, desired: { apply: 'Configuration applied' }, hub: { join: 'Joined the hub', bundle: 'Bundle given to the panel' }, claim: { taken: 'Claimed by a hub', failed: 'Wrong code at the box', locked: 'Too many wrong codes at the box' },
      },
      kinds: { anonymous: 'not signed in', user: 'user', node: 'node', console: 'local console', hub: 'hub', appliance: 'appliance', scraper: 'metrics' },
    },
  },
)
