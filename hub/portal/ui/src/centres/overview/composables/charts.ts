import type { EChartsCoreOption } from 'echarts/core'

const COLOURS = ['#3f8cff', '#2ee6a8', '#ffb53a', '#ff6b6b', '#9d7bff', '#35d0e8', '#f77fbe', '#8fa7d3']
const SOFT = '#8ea4cb'
const TIP = { backgroundColor: '#10233f', borderColor: '#2a4a7d', textStyle: { color: '#e4ecf9', fontSize: 12 } }

/** A ring of shares with its legend beside it. */
export function ringOption(parts: readonly { name: string; count: number }[]): EChartsCoreOption {
  const counts = new Map(parts.map((part) => [part.name, part.count]))
  return {
    color: COLOURS,
    animationDuration: 400,
    tooltip: { trigger: 'item', ...TIP },
    legend: {
      type: 'scroll',
      orient: 'vertical',
      left: '46%',
      top: 'middle',
      itemWidth: 8,
      itemHeight: 8,
      itemGap: 9,
      icon: 'circle',
      pageTextStyle: { color: SOFT },
      textStyle: { color: '#c3d2ec', fontSize: 12 },
      formatter: (name: string) => `${name}  ${counts.get(name) ?? 0}`,
    },
    series: [
      {
        type: 'pie',
        radius: ['56%', '80%'],
        center: ['22%', '50%'],
        label: { show: false },
        itemStyle: { borderColor: '#0b1a35', borderWidth: 2 },
        data: parts.map((part) => ({ name: part.name, value: part.count })),
      },
    ],
  }
}

/** Bars by hour of the reader's local time. */
export function hoursOption(hours: readonly { hour: string; count: number }[]): EChartsCoreOption {
  return {
    animationDuration: 400,
    grid: { left: 34, right: 8, top: 16, bottom: 22 },
    tooltip: { trigger: 'axis', ...TIP },
    xAxis: {
      type: 'category',
      data: hours.map(({ hour }) => `${String(new Date(hour).getHours()).padStart(2, '0')}:00`),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: '#2a4470' } },
      axisLabel: { color: SOFT, fontSize: 11, interval: 2 },
    },
    yAxis: {
      type: 'value',
      minInterval: 1,
      splitNumber: 3,
      axisLabel: { color: SOFT, fontSize: 11 },
      splitLine: { lineStyle: { color: 'rgba(72,118,196,.18)' } },
    },
    series: [
      {
        type: 'bar',
        barMaxWidth: 14,
        data: hours.map(({ count }) => count),
        itemStyle: {
          borderRadius: [3, 3, 0, 0],
          color: { type: 'linear', x: 0, y: 0, x2: 0, y2: 1, colorStops: [{ offset: 0, color: '#4c9dff' }, { offset: 1, color: 'rgba(36,104,242,.25)' }] },
        },
      },
    ],
  }
}
