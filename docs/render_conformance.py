"""Check docs/conformance.csv and render it as docs/conformance.md, the 功能响应表.

    python docs/render_conformance.py           write the page
    python docs/render_conformance.py --check   write nothing; fail when the page is not what the table says

Exit status 0: all is well; 1: the page is stale; 2: the table is wrong, one line on stderr for each fault.
"""

import argparse
import ast
import csv
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("id", "zh", "en", "status", "where", "test")
STATUSES = {"done": "已实现", "partial": "部分实现", "none": "未实现"}
FOLDERS = ("appliance", "docs", "federation", "firmware_profiles", "hil_tests", "hub", "image_build", "tests")

CHAPTERS = {
    "SCH": "资源管理调度",
    "STR": "算法策略中心",
    "ALG": "算法仓库",
    "POR": "视频融合赋能平台",
    "SEC": "安全与密码应用",
    "STO": "智能存算资源池",
    "FED": "级联、部署与规格",
    "ALGO": "智能算法",
}

# A section holds the ids that begin with its key: SCH-C1 holds SCH-C1.4, POR-H holds POR-H-00 but not POR-HD-01.
SECTIONS = {
    "SCH-A": "总体",
    "SCH-B": "资源管理",
    "SCH-C0": "任务管理",
    "SCH-C1": "视频解析任务",
    "SCH-C2": "图片解析任务",
    "SCH-D1": "预分配策略",
    "SCH-D2": "优先级抢占策略",
    "SCH-D3": "分时复用策略",
    "SCH-D4": "闲时调度策略",
    "SCH-D5": "弹性伸缩策略",
    "SCH-E": "监控管理",
    "SCH-F": "任务调度",
    "SCH-G": "性能设计与资源规划",
    "SCH-H": "其他章节对调度的约束",
    "STR-A": "总体",
    "STR-B": "元件管理",
    "STR-C": "策略编排",
    "STR-D": "策略回溯",
    "STR-E": "策略成效",
    "STR-F": "错误库",
    "STR-G": "点位规则绘制",
    "STR-H": "策略任务管理",
    "STR-I": "预置算法策略",
    "STR-J": "性能、部署与服务",
    "ALG-O": "概述与架构",
    "ALG-A1": "算法接入",
    "ALG-A2": "算法管理",
    "ALG-A3": "算法详情",
    "ALG-M1": "数据集展示",
    "ALG-M2": "素材操作",
    "ALG-T": "任务中心",
    "ALG-E": "算法成效",
    "ALG-G": "算法引擎",
    "ALG-L": "智能算法清单",
    "ALG-S": "实施服务",
    "ALG-P": "性能设计与资源规划",
    "ALG-C5": "算法超市",
    "ALG-X": "其他章节对算法仓库的要求",
    "POR-P": "平台定位与接口",
    "POR-H": "首页一张图",
    "POR-HD": "设备一张图",
    "POR-HE": "事件一张图",
    "POR-HA": "算法一张图",
    "POR-HC": "算力一张图",
    "POR-V": "视频能力中心",
    "POR-VS": "点位搜索",
    "POR-VP": "视频广场",
    "POR-VT": "标签标注",
    "POR-VC": "自定义标签管理",
    "POR-VM": "智能标签管理",
    "POR-VN": "智能标注",
    "POR-A": "智能分析中心",
    "POR-AM": "算法超市",
    "POR-AA": "智能分析申请",
    "POR-AO": "智能分析编排",
    "POR-AG": "点位场景治理",
    "POR-AR": "实时视图分析",
    "POR-AH": "历史视图分析",
    "POR-E": "智能事件中心",
    "POR-EL": "智能事件库",
    "POR-EJ": "事件研判",
    "POR-ES": "事件检索",
    "POR-EU": "事件订阅管理",
    "POR-O": "开放赋能中心",
    "POR-OD": "开发者管理",
    "POR-OA": "审批管理",
    "POR-OS": "服务管理",
    "POR-OP": "应用管理",
    "POR-OL": "运营台账",
    "POR-OV": "开发者",
    "POR-OR": "成效报表",
    "POR-OM": "成效一张图",
    "POR-OX": "视频应用服务",
    "POR-OG": "智能算法服务",
    "POR-OT": "任务编排服务",
    "POR-OE": "智能事件服务",
    "POR-PF": "性能与部署",
    "POR-X": "其他章节对门户的要求",
    "SEC-A": "身份鉴别",
    "SEC-B": "访问控制",
    "SEC-C": "三员分离",
    "SEC-D": "安全审计",
    "SEC-E": "传输安全",
    "SEC-F": "存储安全",
    "SEC-G": "密码应用功能模块",
    "SEC-H": "密钥管理",
    "SEC-I": "导出保护",
    "SEC-J": "备份、恢复与可用性",
    "SEC-K": "剩余信息与个人信息保护",
    "SEC-L": "入侵、恶意代码与脆弱性",
    "SEC-M": "级联与供应链安全",
    "SEC-N": "运维信息安全",
    "SEC-O": "外购安全设备",
    "SEC-P": "合规声明",
    "STO-S": "存储管理",
    "STO-V": "视频存储",
    "STO-P": "图片存储",
    "STO-O": "对象存储",
    "STO-X": "存储异构",
    "STO-N": "存储性能与容量测算",
    "STO-C": "云计算统一管理",
    "STO-M": "虚拟化管理",
    "STO-D": "数据存储管理",
    "STO-K": "计算资源性能与测算",
    "FED-A": "架构与跨域调度",
    "FED-B": "算法级联",
    "FED-C": "素材级联",
    "FED-D": "多级平台",
    "FED-E": "跨边界传输",
    "FED-F": "测算常数",
    "FED-G": "服务器规格档",
    "FED-H": "规格矛盾的如实记录",
    "ALGO": "城市治理视频智能算法",
}

INTRO = """\
# 功能响应表

<!-- Rendered from conformance.csv by `python docs/render_conformance.py`; edit the table, not this page. -->

本表逐项列出视频云中台的功能、性能与安全要求，并说明烽燧的响应情况。“已实现”的条目均指明所在位置及自动化测试；“部分实现”指明位置；其余尚未实现。

This table answers every requirement, item by item. `done` names a place and an automated test that exists, \
`partial` names a place; everything else is not built yet.
"""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One requirement and how the product answers it; `where` and `test` are lists separated by semicolons."""

    id: str
    zh: str
    en: str
    status: str
    where: str
    test: str

    @property
    def chapter(self) -> str:
        """Return the id's prefix, such as SCH."""
        return self.id.split("-", 1)[0]


class BadTable(Exception):
    """The table cannot be rendered; the arguments are its faults, one sentence each."""


def read(table: Path) -> list[Item]:
    """Return the table's items in their order; raise BadTable when a line has not the six columns."""
    with table.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise BadTable(f"the header must read {','.join(COLUMNS)}")
        items = []
        for row in reader:
            if len(row) != len(COLUMNS):
                raise BadTable(f"line {reader.line_num}: {len(row)} fields instead of {len(COLUMNS)}")
            items.append(Item(**dict(zip(COLUMNS, row, strict=True))))
    return items


def section_of(item_id: str) -> str | None:
    """Return the key of the section that holds the id, or None when none does."""
    fitting = [key for key in SECTIONS if item_id.startswith(key) and _ends_within(key, item_id)]
    return max(fitting, key=len, default=None)


def _ends_within(key: str, item_id: str) -> bool:
    """Say whether `key` ends at a joint of the id: C1 is a part of C1.4, not of C10."""
    after = item_id[len(key) :][:1]
    return not after.isalpha() and not (key[-1].isdigit() and after.isdigit())


def entries(field: str) -> list[str]:
    """Return the entries of a field whose entries are separated by semicolons."""
    return [entry.strip() for entry in field.split(";") if entry.strip()]


@cache
def tests_in(path: Path) -> frozenset[str]:
    """Return the names of the tests in a file, as pytest writes them after `::`; the file is parsed, never run."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names.update(f"{node.name}::{name}" for name in _functions(node.body))
        names.update(_functions([node]))
    return frozenset(name for name in names if name.split("::")[-1].startswith("test_"))


def _functions(body: Iterable[ast.stmt]) -> Iterator[str]:
    return (node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def faults(items: Sequence[Item]) -> list[str]:
    """Return what is wrong with the items, one sentence each; the empty list when all is well."""
    found = [f"{item_id}: the id stands {n} times" for item_id, n in Counter(i.id for i in items).items() if n > 1]
    for item in items:
        found.extend(f"{item.id}: {fault}" for fault in (*_faults_of_words(item), *_faults_of_evidence(item)))
    return found


def checked(items: list[Item]) -> list[Item]:
    """Return the items; raise BadTable with all faults when there are any."""
    if found := faults(items):
        raise BadTable(*found)
    return items


def _faults_of_words(item: Item) -> Iterator[str]:
    if section_of(item.id) is None:
        yield "the id belongs to no known chapter and section"
    if not re.search(r"[\u4e00-\u9fff]", item.zh):
        yield "zh holds no Chinese"
    if not re.search(r"[A-Za-z]", item.en):
        yield "en holds no English"
    if item.status not in STATUSES:
        yield f"status {item.status!r} is none of {', '.join(STATUSES)}"


def _faults_of_evidence(item: Item) -> Iterator[str]:
    if item.status in {"done", "partial"} and not entries(item.where):
        yield f"{item.status} must say where"
    if item.status == "done" and not entries(item.test):
        yield "done must name a test"
    for place in entries(item.where):
        if place.startswith(tuple(f"{folder}/" for folder in FOLDERS)) and not (ROOT / place).exists():
            yield f"where names {place}, which does not exist"
    for named in entries(item.test):
        path, _, name = named.partition("::")
        file = ROOT / path
        if not (path.startswith("tests/") and ".." not in path and file.is_file() and name in tests_in(file)):
            yield f"test {named} does not exist (write tests/…/test_x.py::test_name)"


def render(items: Sequence[Item]) -> str:
    """Return the page: totals by chapter, then a table for each section."""
    held: defaultdict[str | None, list[Item]] = defaultdict(list)
    for item in items:
        held[section_of(item.id)].append(item)
    parts = [INTRO, _totals(items)]
    for chapter, title in CHAPTERS.items():
        parts.append(f"## {title}（{chapter}）\n")
        parts.extend(f"### {SECTIONS[key]}\n\n{_table(held[key])}" for key in _sections_of(chapter) if held[key])
    return "\n".join(parts)


def _sections_of(chapter: str) -> Iterator[str]:
    return (key for key in SECTIONS if key.split("-", 1)[0] == chapter)


def _totals(items: Sequence[Item]) -> str:
    lines = ["| 章 | 条目 | 已实现 | 部分实现 | 未实现 | 实现率 |", "|-|-:|-:|-:|-:|-:|"]
    for chapter, title in CHAPTERS.items():
        lines.append(_total(f"{title}（{chapter}）", [item for item in items if item.chapter == chapter]))
    lines.append(_total("合计", items))
    return "\n".join(lines) + "\n"


def _total(name: str, items: Sequence[Item]) -> str:
    counts = Counter(item.status for item in items)
    share = counts["done"] / len(items) if items else 0.0
    cells = (name, len(items), *(counts[status] for status in STATUSES), f"{share:.1%}")
    return "| " + " | ".join(map(str, cells)) + " |"


def _table(items: Iterable[Item]) -> str:
    lines = ["| 编号 | 要求 | Requirement | 状态 | 位置 | 测试 |", "|-|-|-|-|-|-|"]
    for item in items:
        cells = (item.id, item.zh, item.en, STATUSES[item.status], _list(item.where), _list(item.test))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _list(field: str) -> str:
    return "<br>".join(f"`{entry}`" for entry in entries(field))


def main(argv: Sequence[str]) -> int:
    """Check the table, then write or compare the page; return the exit status."""
    parser = argparse.ArgumentParser(description="Check the conformance table and render its page.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is stale")
    parser.add_argument("--table", type=Path, default=ROOT / "docs/conformance.csv", help="the table, a CSV file")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/conformance.md", help="the page, a Markdown file")
    options = parser.parse_args(argv)
    try:
        items = checked(read(options.table))
    except (BadTable, OSError, UnicodeDecodeError, csv.Error) as error:
        print(*(error.args if isinstance(error, BadTable) else (error,)), sep="\n", file=sys.stderr)
        return 2
    page = render(items)
    if not options.check:
        options.page.write_text(page, encoding="utf-8")
    elif not options.page.is_file() or options.page.read_text(encoding="utf-8") != page:
        print(f"{options.page.name} is stale: run python docs/render_conformance.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
