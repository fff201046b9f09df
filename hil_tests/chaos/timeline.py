"""The page of one run: what was committed and delivered, what waited in each box, and when what struck."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from hil_tests.chaos.chronicle import MEBIBYTE, Sample, Struck
from hil_tests.chaos.faults import Fault, Kind
from hil_tests.chaos.plots import COLOURS, Curve, Mark, TimeScale, marks, plot

NAMES = {
    Kind.KILL_HUB: "中心进程被杀 hub killed",
    Kind.KILL_BROKER: "消息代理被杀 broker killed",
    Kind.KILL_CLUSTER_NODE: "集群节点被杀 node killed",
    Kind.KILL_HUB_AND_BROKER: "中心与代理同杀 both killed",
    Kind.KILL_AGENT: "节点进程被杀 agent killed",
    Kind.POWER_CUT: "全部断电 power cut",
    Kind.LINK_CUT: "断网 link down",
    Kind.LINK_HALF_OPEN: "半开 half-open",
    Kind.LINK_DEAF: "只发不收 deaf",
    Kind.LINK_MUTE: "只收不发 mute",
    Kind.LINK_SLOW: "限速 40 kB/s",
    Kind.LINK_LOSSY: "丢包 packets lost",
    Kind.BROKER_UNREACHED: "中心连不上代理 hub cut off",
    Kind.CLOCK_JUMP: "时钟跳一天 clock ±1 day",
    Kind.DISK_FULL: "磁盘满 disk full",
    Kind.HUB_RESTORED: "中心恢复备份 hub restored",
}
FAMILIES = {"kill": "#d55e00", "power": "#a50026", "link": "#0072b2", "broker": "#0072b2", "hub": "#7f3c8d"}
OTHER = "#8a6d00"
HEAD = """<!doctype html><html lang="zh"><meta charset="utf-8"><title>烽燧 · 混沌测试</title><style>
body{font:14px/1.5 "Noto Sans CJK SC","Noto Sans SC",system-ui,sans-serif;color:#1b2733;background:#f5f7f9;margin:0}
main{max-width:1160px;margin:0 auto;padding:24px 20px 40px}
h1{font-size:22px;margin:0 0 4px}p{margin:0 0 16px;color:#51606f}
section{background:#fff;border:1px solid #dde4ea;border-radius:8px;padding:14px 18px;margin:0 0 14px}
.figures{display:flex;flex-wrap:wrap;gap:10px 34px}.figures b{display:block;font-size:24px;line-height:1.2}
.good{color:#00704c}.bad{color:#b3261e}svg{display:block;width:100%;height:auto}
text{font-size:12px;fill:#51606f}.title{font-size:13px;font-weight:600;fill:#1b2733}
.level{text-anchor:end}.tick{text-anchor:middle}.grid{stroke:#e3e9ee;stroke-width:1;fill:none}
table{border-collapse:collapse;width:100%}th,td{text-align:right;padding:3px 10px;border-bottom:1px solid #e9eef2}
th:first-child,td:first-child{text-align:left}code{font-size:12px}
</style><main>"""


def drawn(samples: Sequence[Sample], struck: Sequence[Struck], report: Mapping[str, Any], *, command: str) -> str:
    """Return the page as HTML; `command` repeats the run."""
    times = [sample.at_s for sample in samples]
    scale = TimeScale(ends_s=max(times, default=1.0))
    charts = (_progress(scale, times, samples), _backlog(scale, times, samples), _faults(scale, struck))
    parts = [_figures(report), *charts, _memory(scale, times, samples), _recovery(report)]
    sections = "".join(f"<section>{part}</section>" for part in parts)
    return f"{HEAD}{_title(report, command)}{sections}</main></html>\n"


def _title(report: Mapping[str, Any], command: str) -> str:
    verdict = ("good", "不丢 · 不重 · 不乱序") if report["ok"] else ("bad", "未通过 failed")
    return (
        f'<h1>混沌测试 Chaos · <span class="{verdict[0]}">{verdict[1]}</span></h1>'
        f"<p>{report['boxes']} 台设备 boxes, {escape(str(report['net']))} · "
        f"重放 repeat: <code>{escape(command)}</code></p>"
    )


def _figures(report: Mapping[str, Any]) -> str:
    shown = (
        ("产生 produced", "produced", None),
        ("中心收到 in the hub", "hub_rows", None),
        ("超额丢弃并记录 tombstones", "tombstones", None),
        ("丢失 lost", "lost", 0),
        ("重复 doubled", "duplicates", 0),
        ("乱序 out of order", "out_of_order", 0),
        ("弃图并记录 pictures given up", "pictures_given_up", None),
        ("缺图 pictures missing", "pictures_missing", 0),
        ("任务重启 tasks restarted", "tasks_restarted", 0),
        ("故障 faults", "faults_struck", None),
    )
    cells = []
    for words, key, wanted in shown:
        colour = "" if wanted is None else ' class="good"' if report[key] == wanted else ' class="bad"'
        cells.append(f"<div><b{colour}>{report[key]:,}</b>{words}</div>")
    return f'<div class="figures">{"".join(cells)}</div>'


def _progress(scale: TimeScale, times: Sequence[float], samples: Sequence[Sample]) -> str:
    curves = (
        Curve(name="已提交 committed", values=[sum(s.committed.values()) for s in samples], colour=COLOURS[1]),
        Curve(
            name="已送达 delivered", values=[sum(s.delivered.values()) for s in samples], colour=COLOURS[0], area=True
        ),
    )
    return plot("事件 Events", scale, times, curves, height_px=220)


def _backlog(scale: TimeScale, times: Sequence[float], samples: Sequence[Sample]) -> str:
    nodes = sorted({node_id for sample in samples for node_id in sample.committed})
    curves = [
        Curve(
            name=node_id,
            values=[max(0, s.committed.get(node_id, 0) - s.delivered.get(node_id, 0)) for s in samples],
            colour=COLOURS[place % len(COLOURS)],
        )
        for place, node_id in enumerate(nodes)
    ]
    return plot("各设备积压 Backlog of each box", scale, times, curves, height_px=max(170, 60 + 18 * len(nodes)))


def _memory(scale: TimeScale, times: Sequence[float], samples: Sequence[Sample]) -> str:
    curves = (
        Curve(name="中心 hub, MiB", values=[s.hub_memory_bytes / MEBIBYTE for s in samples], colour=COLOURS[0]),
        Curve(name="节点 agent, MiB", values=[s.agent_memory_bytes / MEBIBYTE for s in samples], colour=COLOURS[2]),
    )
    return plot("内存 Memory", scale, times, curves, height_px=130)


def _faults(scale: TimeScale, struck: Sequence[Struck]) -> str:
    rows = []
    for kind in Kind:
        found = [each for each in struck if each.fault.kind is kind]
        if found:
            colour = FAMILIES.get(kind.split("_", maxsplit=1)[0], OTHER)
            row = [Mark(began_s=each.began_s, ended_s=each.healed_s, hint=_hint(each.fault)) for each in found]
            rows.append((NAMES[kind], colour, row))
    return marks("故障 Faults", scale, rows)


def _hint(fault: Fault) -> str:
    extra = f", {fault.loss_percent} %" if fault.loss_percent else ""
    return f"{NAMES[fault.kind]}, box {fault.box + 1}, {fault.lasts_s} s{extra}"


def _recovery(report: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{NAMES[Kind(kind)]}</td><td>{report['faults'][kind]}</td>"
        f"<td>{times['p50']:.1f}</td><td>{times['p95']:.1f}</td></tr>"
        for kind, times in report["recovery_s"].items()
    )
    return (
        "<table><tr><th>故障结束到全部送达 From a fault's end until all is delivered</th>"
        f"<th>次数 count</th><th>p50 (s)</th><th>p95 (s)</th></tr>{rows}</table>"
    )
