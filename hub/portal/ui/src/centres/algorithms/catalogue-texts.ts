import { bilingual } from '@fengsui/kit'

export const catalogueTexts = bilingual(
  {
    catalogue: {
      title: '算法目录', hint: '城市治理算法清单；绑定具备所需目标类别的模型后即可使用', search: '算法名称', all: '全部', bound: '已绑定', bindable: '可绑定', no_model: '未提供模型', allCategories: '全部类别', rule: '规则', places: '适用场所：{places}', stop: '；', needs: '所需目标：{classes}',
      model: '来源', lacks: '模型不含：{classes}', more: '等{count}项', bind: '绑定模型', rebind: '更换模型', bindTitle: '为“{name}”绑定模型', bindHint: '将用所选算法包中的模型和本目录的规则、事件生成一个新算法，并自动上架。', complete: '目标类别齐全', partly: '可以绑定；模型不含：{classes}', missing: '无法绑定，模型不含：{classes}', missingAny: '无法绑定，以下目标一类都没有：{classes}', noneFits: '现有模型都不具备所需目标；导入含这些目标的算法包后即可绑定。', noModels: '仓库中没有可绑定的模型', noModelsHint: '先在算法仓库导入带检测模型的算法包。', toRepository: '去算法仓库', why: '查看原因', byModel: '按模型查看', served: '该模型可直接支持 {count} 个目录算法', unbind: '解除绑定', unbindAsk: '解除“{name}”的模型绑定？由此生成的算法及其全部版本将被删除，已有事件不受影响。', done: '已生成算法 {name} {version}', empty: '没有符合条件的算法', emptyHint: '换一个筛选条件再试。',
      comma: '、', kinds: { presence: '出现', absence: '缺失', count: '计数', dwell: '停留', line_crossing: '越线', area_share: '面积占比', state: '状态', change: '变化', together: '同时出现', stopped: '静止' },
      categories: { appearance: '市容环境', facility: '公用设施', construction: '施工管理', street_order: '街面秩序', advertising: '宣传广告', water: '水域管理', emergency: '突发事件', building: '建筑管理', vehicle: '车辆', safety: '安全生产', tag: '场景标签' },
    },
  },
  {
    catalogue: {
      title: 'Catalogue', hint: 'Algorithms of a city; each works once it is bound to a model that knows its classes', search: 'Name', all: 'All', bound: 'Bound', bindable: 'Can be bound', no_model: 'No model', allCategories: 'All categories', rule: 'Rule', places: 'Places: {places}', stop: '; ', needs: 'Needs {classes}',
      model: 'Source', lacks: 'The model does not know: {classes}', more: 'and {count} more', bind: 'Bind a model', rebind: 'Bind another', bindTitle: 'A model for “{name}”', bindHint: 'The chosen package’s model, with rule and events of this catalogue, becomes an algorithm of its own on the shelf.', complete: 'knows every class', partly: 'Fits; does not know: {classes}', missing: 'Cannot be bound, does not know: {classes}', missingAny: 'Cannot be bound, knows none of: {classes}', noneFits: 'No model here knows what it needs; import a package that does.', noModels: 'There is no model to bind', noModelsHint: 'Import a package with a detector first.', toRepository: 'To the repository', why: 'Why', byModel: 'What a model serves', served: 'This model serves {count} algorithms of the catalogue at once', unbind: 'Unbind', unbindAsk: 'Take the model of “{name}” away? The algorithm made of it is deleted with all its versions; its events stay.', done: '{name} {version} was made', empty: 'No algorithm is like this', emptyHint: 'Choose other filters.',
      comma: ', ', kinds: { presence: 'presence', absence: 'absence', count: 'count', dwell: 'dwell', line_crossing: 'line crossing', area_share: 'share of the area', state: 'state', change: 'change', together: 'together', stopped: 'stopped' },
      categories: { appearance: 'Appearance', facility: 'Facilities', construction: 'Construction', street_order: 'Street order', advertising: 'Advertising', water: 'Water', emergency: 'Emergencies', building: 'Buildings', vehicle: 'Vehicles', safety: 'Safety', tag: 'Scene tags' },
    },
  },
)
