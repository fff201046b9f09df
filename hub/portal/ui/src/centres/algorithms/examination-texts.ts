import { bilingual } from '@fengsui/kit'

export const examinationTexts = bilingual(
  {
    examination: {
      open: '校验', title: '“{name}”{version} 校验结果', refusedTitle: '算法包未通过校验，未入库', refusedHint: '按提示修改后重新打包导入；仓库内容未改变。', signedBy: '签名方', unsigned: '无可信签名', rule: '规则', code: '代码',
      severity: '级别', result: '结论', hint: '修改提示', error: '错误', warning: '警告', passed: '通过', failed: '未通过', skipped: '未检查', warnings: '{count} 项警告', clean: '校验通过', never: '该版本入库时尚无校验记录',
      kind: { algorithm: '算法', bundle: '算法组合包', endpoint: '算法系统', prompt: '大模型提示词', container: '算法镜像', device: '前端算法' }, members: '包含算法', unusable: '当前版本的节点不运行此类算法包', untried: '模型未试运行',
    },
  },
  {
    examination: {
      open: 'Examination', title: '“{name}” {version}: examination', refusedTitle: 'The package was refused, and is not in the repository', refusedHint: 'Correct it as the hints say, pack and import it again; nothing has changed here.', signedBy: 'Signed by', unsigned: 'No trusted signature', rule: 'Rule', code: 'Code',
      severity: 'Severity', result: 'Result', hint: 'How to correct it', error: 'error', warning: 'warning', passed: 'passed', failed: 'failed', skipped: 'not looked at', warnings: '{count} warnings', clean: 'Examined', never: 'Nothing is recorded of this version’s examination',
      kind: { algorithm: 'Algorithm', bundle: 'Bundle', endpoint: 'Outside system', prompt: 'Prompt to a vision model', container: 'Container image', device: 'In the camera' }, members: 'Holds', unusable: 'Nodes of this version do not run packages of this kind', untried: 'the model was not tried',
    },
  },
)
