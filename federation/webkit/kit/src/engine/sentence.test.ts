import { expect, test } from 'vitest'
import { createI18n } from 'vue-i18n'

import details from './details.json'
import { sentence } from './sentence.ts'
import { engineReasonTexts } from './texts.ts'

const { t, te } = createI18n({ legacy: false, locale: 'zh-CN', messages: engineReasonTexts }).global
const inChinese = (reason: string): string => sentence(reason, { say: (key, values = {}) => t(key, values), knows: (key) => te(key) })

test.each([
  ['memory_short: the model declares 1000 MB, 435 MB are free', '内存不足：模型声明需 1000 MB，仅剩 435 MB'],
  ['memory_short: the memory that the package declares is not enough', '内存不足：模型实际需要的内存超过算法包声明的数额'],
  ['model_crashed: no answer within 180 s', '模型 180 秒内没有应答，进程已被终止'],
  ['model_crashed: the process of the model ended (signal 11)', '模型进程异常退出（信号 11）'],
  ['model_crashed: no answer within 30 s; it is started again in 8 s', '模型 30 秒内没有应答，进程已被终止；8 秒后重新启动'],
  ['model_crashed: it takes 300 MB, declared are 64', '模型占用 300 MB 内存，超过声明的 64 MB，进程已被终止'],
  ["package_unusable: the model has outputs ['other'], and no ['o']", '模型没有清单声明的输出 o，只有 other'],
  ['package_unusable: images is tensor(float) [1, 3, 640, 640]; declared is uint8 [1, 3, 32, 32]', '模型输入 images 为 float [1, 3, 640, 640]，清单声明为 uint8 [1, 3, 32, 32]'],
  ['package_unusable: [ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Failed to load model because protobuf parsing failed.', '模型文件不是有效的 ONNX 模型，或已损坏'],
  ['switch_refused: memory_short: the model declares 10 MB, 4 MB are free', '未切换到新版本，原版本继续运行：内存不足：模型声明需 10 MB，仅剩 4 MB'],
  ['switch_refused: of 12 things that the old version sees in the newest frames it finds 1', '未切换到新版本，原版本继续运行：对最近画面中旧版本检出的 12 个目标，新版本只检出 1 个'],
  ['not_loaded: test.a 1.0.0 cannot look at pictures now: memory_short: the model declares 10 MB, 4 MB are free.', '算法 test.a 1.0.0 暂时不能分析图片：内存不足：模型声明需 10 MB，仅剩 4 MB'],
  [
    'given_up: not taken within 24 hours; the last time not_loaded: test.a 1.0.0 cannot look at pictures now: its package is on its way, or its model is being loaded.',
    '24 小时内未能分析，最后一次的原因：算法 test.a 1.0.0 暂时不能分析图片：算法包正在下发，或模型正在加载',
  ],
  ['switched_back: 1.2.0: model_crashed: its process ended', '新版本 1.2.0 运行异常，已切回原版本：模型进程异常退出'],
  ['system_unbound: the box has no [[analysis.systems]] city', '本机未配置该外部算法系统，画面不会外发'],
])('%s', (reason, told) => {
  expect(inChinese(reason)).toBe(told)
})

test('of a detail that nobody knows the code is told, and of a code that nobody knows everything', () => {
  expect(inChinese('package_unusable: the moon is waxing')).toBe('算法包与其清单不符')
  expect(inChinese('moon_phase: waxing')).toBe('moon_phase: waxing')
})

test('what is said is said in English too, with the same values', () => {
  const named = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '').sort()
  for (const { name, values } of details) {
    for (const texts of Object.values(engineReasonTexts)) {
      const known: Record<string, string> = texts.engineReason.detail
      expect(named(known[name] ?? '')).toEqual([...values].sort())
    }
  }
})
