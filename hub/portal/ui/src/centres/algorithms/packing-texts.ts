import { bilingual } from '@fengsui/kit'

export const packingTexts = bilingual(
  {
    packing: {
      open: '封装模型', title: '将模型封装为算法包', hint: '上传 ONNX 模型和几张能看到其目标的图片，平台识别模型的输入、输出和类别，并用图片验证；确认名称与说明后封装入库。', model: '模型文件', chooseModel: '选择 .onnx 文件', pictures: '样例图片', choosePictures: '选择图片', picturesHint: 'JPEG 或 PNG，1 至 24 张，至少一张能看到目标；最好再有一张没有目标的', picturesCount: '已选 {count} 张', labels: '类别名称', labelsHint: '每行一个，按模型输出顺序；不填则取模型自带的类别，没有时按 COCO 80 类', recognise: '开始识别', uploading: '正在上传 {share}', waiting: '排队中，前面还有其他模型', looking: '正在识别，已用 {s} 秒；较大的模型可能需要几分钟', again: '重新选择',
      recognised: '识别结果', decoder: '解码方式', kind: '分析类型', size: '输入尺寸', classes: '目标类别', classesCount: '{count} 类：{names}', proof: '图片验证', proofText: '{count} 张图片随包保存；平均每张图片一致检出的得分合计 {support}', refusedTitle: '无法封装', id: '算法标识', version: '版本号', name: '算法名称', vendor: '来源厂商', description: '算法描述', note: '版本迭代说明', noteHint: '这一版本有何变化（选填）', events: '事件检出项', local: '本地导入', isNew: '新算法', isNext: '仓库中已有该算法，最新版本 {version}', badId: '小写字母、数字和 . _ -，以字母或数字开头和结尾，最多 64 个字符', badVersion: '格式为 1.0.0', pack: '封装入库', done: '已封装 {name} {version}',
      code: {
        unsafe_model: '文件不是可用的 ONNX 模型，或含有不支持的内容', no_picture_input: '模型的输入不是一张图片', no_decoder: '没有与模型输出相符的解码方式；若类别不是 COCO，请填写类别名称', no_samples: '请选择样例图片', nothing_found: '在样例图片中没有检出任何目标；请更换能清楚看到目标的图片', packing_failed: '识别没有完成，可能是内存不足或用时过长',
      },
    },
  },
  {
    packing: {
      open: 'Pack a model', title: 'Make a package of a model', hint: 'Give an ONNX model and some pictures that show what it finds. Its input, output and classes are recognised and proven on the pictures; say what it is called, and it is packed and imported.', model: 'Model', chooseModel: 'Choose an .onnx file', pictures: 'Pictures', choosePictures: 'Choose pictures', picturesHint: 'JPEG or PNG, 1 to 24; one at least shows what it finds, and better one more shows nothing of it', picturesCount: '{count} chosen', labels: 'Classes', labelsHint: 'one a line, in the order of the model; empty: what the model says itself, or else the 80 of COCO', recognise: 'Recognise', uploading: 'Uploading {share}', waiting: 'Other models go first', looking: 'Looking at it, for {s} s; a large model may take minutes', again: 'Choose anew',
      recognised: 'What was recognised', decoder: 'Decoder', kind: 'Analysis', size: 'Input', classes: 'Classes', classesCount: '{count}: {names}', proof: 'Proof', proofText: '{count} pictures go into the package; scores of what was found twice, a picture: {support}', refusedTitle: 'It cannot be packed', id: 'Identifier', version: 'Version', name: 'Name', vendor: 'Vendor', description: 'Description', note: 'What is new', noteHint: 'in this version, if you like', events: 'Events', local: 'Imported here', isNew: 'New here', isNext: 'Is here; newest version {version}', badId: 'a-z, 0-9 and . _ - between, at most 64 characters', badVersion: 'as in 1.0.0', pack: 'Pack and import', done: '{name} {version} was packed',
      code: {
        unsafe_model: 'This is no ONNX model that can be used', no_picture_input: 'The model does not take one picture', no_decoder: 'No decoder fits its outputs; name its classes if they are not those of COCO', no_samples: 'Choose some pictures', nothing_found: 'Nothing was found in the pictures; choose some that show what it finds', packing_failed: 'It did not end: the memory or the time allowed was too short',
      },
    },
  },
)
