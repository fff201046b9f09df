import type { EChartsCoreOption } from 'echarts/core'

export interface Line {
  readonly name: string
  readonly colour: string
  readonly values: readonly number[]
}

/** Lines over the same moments, in the reader's local time; shares from 0 to 1 are shown as per cent. */
export function linesOption(moments: readonly string[], lines: readonly Line[], shares = false): EChartsCoreOption {
  const per = (share: number): string => `${Math.round(share * 100)}%`
  const label = shares ? { color: '#8e99ac', formatter: per } : { color: '#8e99ac' }
  return {
    animation: false,
    grid: { left: 48, right: 16, top: 34, bottom: 26 },
    legend: { type: 'scroll', top: 0, left: 48, right: 0, icon: 'roundRect', itemWidth: 12, itemHeight: 4, textStyle: { color: '#566379' } },
    tooltip: shares ? { trigger: 'axis', valueFormatter: per } : { trigger: 'axis' },
    xAxis: {
      type: 'category',
      boundaryGap: false,
      data: moments.map((moment) => new Date(moment).toLocaleTimeString('zh-CN', { hour12: false })),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: '#d5dbe6' } },
      axisLabel: { color: '#8e99ac', hideOverlap: true },
    },
    yAxis: { type: 'value', min: 0, ...(shares ? { max: 1, interval: 0.25 } : { splitNumber: 4 }), axisLabel: label, splitLine: { lineStyle: { color: '#eef1f6' } } },
    series: lines.map((line) => ({
      type: 'line',
      name: line.name,
      data: line.values,
      showSymbol: false,
      smooth: 0.2,
      lineStyle: { width: 2, color: line.colour },
      itemStyle: { color: line.colour },
      areaStyle: { color: line.colour, opacity: 0.08 },
    })),
  }
}
