import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    system: {
      users: '用户管理', audit: '审计日志', usersHint: '账号、角色与状态', auditHint: '每一次变更与登录都有记录', create: '新建用户', username: '用户名', usernameHint: '2–32 位小写字母、数字、点、下划线或连字符', displayName: '姓名', role: '角色', status: '状态', active: '正常', disabled: '已停用', locked: '已锁定', mustChange: '待改密', lastSignIn: '最近登录', createdAt: '创建时间',
      disable: '停用', enable: '启用', reset: '重置密码', resetAsk: '为“{name}”生成新的初始密码？原密码立即失效。', removeAsk: '确定删除用户“{name}”？', first: '初始密码', once: '初始密码只显示这一次，用户首次登录时须修改。',
      at: '时间', actor: '操作者', action: '动作', subject: '对象', outcome: '结果', peer: '来源地址', detail: '内容', ok: '成功', failed: '失败', actionHint: '动作，如 task. 或 session.failed',
    },
  },
  {
    system: {
      users: 'Users', audit: 'Audit', usersHint: 'Accounts, roles and state', auditHint: 'Every change and every sign-in', create: 'New user', username: 'User name', usernameHint: '2–32 of a-z, 0-9, dot, underscore, hyphen', displayName: 'Name', role: 'Role', status: 'State', active: 'Active', disabled: 'Disabled', locked: 'Locked', mustChange: 'Must change password', lastSignIn: 'Last sign-in', createdAt: 'Created',
      disable: 'Disable', enable: 'Enable', reset: 'Reset password', resetAsk: 'Make a new first password for “{name}”? The present one stops working at once.', removeAsk: 'Delete the user “{name}”?', first: 'First password', once: 'It is shown this once and must be changed at the first sign-in.',
      at: 'Time', actor: 'Who', action: 'Action', subject: 'Subject', outcome: 'Outcome', peer: 'From', detail: 'Detail', ok: 'Done', failed: 'Failed', actionHint: 'Action, e.g. task. or session.failed',
    },
  },
)
