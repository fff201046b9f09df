import { bilingual } from '@fengsui/kit'

export const presentationTexts = bilingual(
  {
    presentation: {
      id: '算法标识', vendor: '来源厂商', analysis: '分析类型', sources: '分析源类型', sourceKinds: { image: '图片', image_stream: '抓图流', video: '视频流' }, targets: '分析目标', labels: '目标类别', events: '事件检出项', places: '适用场所', industries: '适用行业', business: '适用业务', tags: '标签', imported: '入库时间', licence: '许可证', software: '软件', weights: '权重',
      technical: '技术规格', platforms: '运行环境', memory: '模型内存', cores: 'CPU 核数', disk: '磁盘占用', capacity: '计算能力',
      notes: '版本说明', noNotes: '厂商未提供版本说明', training: '训练信息', noTraining: '厂商未提供训练信息', modelName: '模型名称', modelNo: '模型编号', modelVersion: '模型版本', datasetVersion: '数据集版本',
      conditions: '应用条件', formats: '图像格式', targetPx: '目标像素', occlusion: '遮挡与粘连', quality: '画面质量', other: '其他条件', noConditions: '厂商未提供应用条件',
      scenes: '场景说明', good: '适用场景', bad: '不适用场景', noScenes: '厂商未提供场景说明', evaluation: '厂商自测指标', checkSet: '校验集', precision: '检准率', recall: '检出率', noEvaluation: '厂商未提供指标', disclaimer: '算法声明', about: '基本信息',
      serves: '可支持的目录算法', builtin: '内置算法，随产品发布', analyses: { detection: '目标检测', behaviour: '行为分析', classification: '图像分类', multilabel: '多标签分类', segmentation: '语义分割', instance: '实例分割', pose: '姿态识别', ocr: '文字识别', embedding: '特征提取' },
    },
  },
  {
    presentation: {
      id: 'Identifier', vendor: 'Vendor', analysis: 'Analysis', sources: 'Sources', sourceKinds: { image: 'pictures', image_stream: 'snapshots', video: 'video' }, targets: 'Targets', labels: 'Labels', events: 'Events', places: 'Places', industries: 'Industries', business: 'Business', tags: 'Tags', imported: 'Imported', licence: 'Licence', software: 'software', weights: 'weights',
      technical: 'Specification', platforms: 'Runs on', memory: 'Memory of the model', cores: 'CPU cores', disk: 'Disk', capacity: 'Capacity',
      notes: 'Version notes', noNotes: 'The vendor gives no notes', training: 'Training', noTraining: 'The vendor says nothing of its training', modelName: 'Model', modelNo: 'Model number', modelVersion: 'Model version', datasetVersion: 'Dataset version',
      conditions: 'Conditions', formats: 'Picture format', targetPx: 'Size of a target', occlusion: 'Occlusion', quality: 'Picture quality', other: 'Else', noConditions: 'The vendor states no conditions',
      scenes: 'Scenes', good: 'Fits', bad: 'Does not fit', noScenes: 'The vendor describes no scenes', evaluation: 'The vendor’s own figures', checkSet: 'Check set', precision: 'Precision', recall: 'Recall', noEvaluation: 'The vendor gives no figures', disclaimer: 'Disclaimer', about: 'About',
      serves: 'What it serves in the catalogue', builtin: 'Part of the product', analyses: { detection: 'detection', behaviour: 'behaviour', classification: 'classification', multilabel: 'several labels', segmentation: 'segmentation', instance: 'instances', pose: 'pose', ocr: 'text', embedding: 'features' },
    },
  },
)
