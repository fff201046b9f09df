import { bilingual } from '@fengsui/kit'

/** Words of the page of the way to the hub; `reason` by the code of a gap. */
export const linkTexts = bilingual(
  {
    way: {
      title: '链路',
      hint: '本机数据到中心的全过程：产生、等待、确认、缺口',
      oldest: '最早待上报',
      credit: '可同时发送',
      waitingFor: '已等待 {time}',
      gapList: '数据缺口',
      gapListHint: '本机在上报之前舍弃的数据，中心已知或即将得知',
      noGaps: '没有缺口：产生的数据都在，或已由中心确认。',
      gapRows: '序号',
      gapCount: '条数',
      gapSeen: '发生时间',
      gapReason: '原因',
      allSent: '全部已确认',
      leftDays: '剩余 {count} 天',
      off: '本机未接入中心',
      offHint: '在“接入中心”页接入后，这里显示每个通道的上报进度；在此之前数据保存在本机。',
      laneName: '通道',
      reason: { quota: '通道配额已满', disk_full: '磁盘已满', overflow: '产生过快，来不及保存', damaged: '文件已损坏', expired: '已过保留期', replaced: '本机数据库被更换或恢复', uncertain: '本机数据库被更换或恢复，不确定是否产生过', unknown: '原因不明' },
    },
  },
  {
    way: {
      title: 'Link',
      hint: "How this box's data reaches the hub: made, waiting, acknowledged, missing",
      oldest: 'Oldest waiting',
      credit: 'May fly at once',
      waitingFor: 'for {time}',
      gapList: 'Gaps',
      gapListHint: 'what this box gave up before it was handed over; the hub is told the same',
      noGaps: 'No gap: everything made is still here, or the hub has it.',
      gapRows: 'Numbers',
      gapCount: 'Rows',
      gapSeen: 'At',
      gapReason: 'Reason',
      allSent: 'all acknowledged',
      leftDays: '{count} days left',
      off: 'This box has no hub',
      offHint: 'Join one on the page Hub: the progress of every lane is then shown here. Until then everything is kept on this box.',
      laneName: 'Lane',
      reason: { quota: 'the quota of the lane was reached', disk_full: 'the disk was full', overflow: 'made faster than they could be kept', damaged: 'the file was damaged', expired: 'kept for its time', replaced: 'the database of this box was replaced or restored', uncertain: 'the database of this box was replaced or restored; perhaps there were none', unknown: 'unknown' },
    },
  },
)
