import { bilingual } from '@fengsui/kit'

export const texts = bilingual(
  {
    captures: {
      title: '视频抓图', pictures: '图片', failures: '失败记录', allPoints: '全部点位', allPlans: '全部计划',
      empty: '还没有抓图', emptyHint: '在「抓图计划」中新建计划：照看这些点位的设备按间隔自动抓图，图片会显示在这里。',
      noFailures: '没有失败记录', noFailuresHint: '抓图失败时，原因会列在这里。',
      onItsWay: '图片传输中', time: '时间', point: '点位', plan: '计划', node: '设备', cause: '原因', open: '打开原图', gone: '计划已删除',
      away: '{count} 个点位暂无设备照看', preset: '预置位 {preset}',
    },
  },
  {
    captures: {
      title: 'Snapshots', pictures: 'Pictures', failures: 'Failures', allPoints: 'All points', allPlans: 'All plans',
      empty: 'No snapshots yet', emptyHint: 'Make a plan: the boxes that look after its points take pictures by themselves, which are shown here.',
      noFailures: 'Nothing has failed', noFailuresHint: 'When a snapshot fails, its reason is listed here.',
      onItsWay: 'The picture is on its way', time: 'Time', point: 'Point', plan: 'Plan', node: 'Box', cause: 'Cause', open: 'Open the picture', gone: 'the plan is gone',
      away: 'no box looks after {count} points', preset: 'preset {preset}',
    },
  },
)
