import { language, type Language } from './language.ts'
import { inUnits, type SpanUnits } from './moments.ts'

const UNITS: Record<Language, SpanUnits> = { 'zh-CN': ['毫秒', '秒', '分钟', '小时'], en: ['ms', 's', 'min', 'h'] }

/** `380 毫秒`, `2.4 秒`, `3 分钟`; in English `380 ms`, `2.4 s`, `3 min`. */
export function duration(milliseconds: number): string {
  return inUnits(milliseconds, UNITS[language.value])
}
