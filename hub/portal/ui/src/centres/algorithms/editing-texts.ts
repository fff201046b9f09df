import { bilingual } from '@fengsui/kit'

export const editingTexts = bilingual(
  {
    editing: {
      open: '编辑信息', title: '编辑“{name}”的信息', hint: '仅修改平台上的展示内容，算法包及其签名不变；未改动的项继续以算法包为准。', edited: '信息已编辑', editedWhat: '以下内容由平台编辑：{what}',
      nameZh: '算法名称', nameEn: '英文名称', descriptionZh: '算法描述', descriptionEn: '英文描述', vendorZh: '来源厂商', vendorEn: '厂商英文名', sameAsChinese: '不填则与中文相同', words: '输入后按回车添加',
      cover: '算法封面', chooseCover: '更换封面', removeCover: '恢复算法包封面', coverHint: 'JPEG 或 PNG，自动缩放为 640 × 360', notAPicture: '无法识别该图片，请选择 JPEG 或 PNG 文件', takeBack: '恢复算法包内容', takeBackAsk: '恢复“{name}”在算法包中的名称、描述、封面等全部内容？', saved: '信息已保存', tooLong: '请填写，最多 {most} 个字符',
      fields: { name: '名称', description: '描述', vendor: '来源厂商', targets: '分析目标', industries: '适用行业', business: '适用业务', places: '适用场所', cover: '封面' },
    },
  },
  {
    editing: {
      open: 'Edit', title: 'Edit “{name}”', hint: 'Changes what this platform shows; the package and its signature stay. What you leave alone follows the package.', edited: 'Edited', editedWhat: 'Edited here: {what}',
      nameZh: 'Name', nameEn: 'English name', descriptionZh: 'Description', descriptionEn: 'In English', vendorZh: 'Vendor', vendorEn: 'Vendor in English', sameAsChinese: 'as in Chinese if empty', words: 'Press Enter after each',
      cover: 'Cover', chooseCover: 'Choose a cover', removeCover: 'Back to the package’s', coverHint: 'JPEG or PNG; scaled to 640 × 360', notAPicture: 'This is no JPEG or PNG picture', takeBack: 'Back to the package', takeBackAsk: 'Show “{name}” with the name, description, cover and all else as its package says?', saved: 'Saved', tooLong: '1 to {most} characters',
      fields: { name: 'name', description: 'description', vendor: 'vendor', targets: 'targets', industries: 'industries', business: 'business', places: 'places', cover: 'cover' },
    },
  },
)
