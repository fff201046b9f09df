import { bilingual } from '@fengsui/kit'

/** Words of the page where regions, masks and lines are drawn for a camera. */
export const sceneTexts = bilingual(
  {
    scene: {
      title: '场景标定',
      hint: '为每路摄像机绘制一次，本机该点位的全部任务共用',
      camera: '摄像机',
      refresh: '刷新画面',
      saved: '已保存，相关任务将重新学习画面',
      clear: '全部清除',
      unsaved: '有未保存的修改',
      ruleRegions: '分析区域：任务自带区域时以任务为准，否则使用这里的区域',
      ruleMasks: '屏蔽区域：落在其中的目标一律忽略，对所有任务生效',
      ruleLines: '警戒线：任务自带警戒线时以任务为准，箭头为计数方向',
      reader: '当前账号只能查看，绘制需要操作员权限。',
    },
  },
  {
    scene: {
      title: 'Scenes',
      hint: 'drawn once for a camera, used by all of its tasks on this box',
      camera: 'Camera',
      refresh: 'New picture',
      saved: 'Saved; tasks concerned learn the scene anew',
      clear: 'Clear all',
      unsaved: 'Not saved yet',
      ruleRegions: 'Regions: those of a task go first; a task without any uses these',
      ruleMasks: 'Masks: whatever lies in one is ignored by every task',
      ruleLines: 'Lines: those of a task go first; arrows show which crossings count',
      reader: 'This account may look; drawing takes the right to operate.',
    },
  },
)
