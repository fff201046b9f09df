"""The conformance table tells the truth: every item stands there, and what it calls done names a test that exists."""

import csv
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs/conformance.csv"
HEADER = "id,zh,en,status,where,test"
THIS_TEST = "tests/house/test_conformance.py::test_the_table_is_sound_and_its_page_is_current"

# What each checklist holds. A row may be added with its item; none is dropped.
CHAPTER_SIZES = {"SCH": 75, "STR": 80, "ALG": 201, "POR": 328, "SEC": 94, "STO": 99, "FED": 78, "ALGO": 71}


def conformance(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docs/render_conformance.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)


def table_of(folder: Path, *lines: str, header: str = HEADER) -> Path:
    table = folder / "conformance.csv"
    table.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return table


def test_the_table_is_sound_and_its_page_is_current() -> None:
    answer = conformance("--check")

    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(("chapter", "size"), CHAPTER_SIZES.items())
def test_a_chapter_holds_every_item_of_its_checklist(chapter: str, size: int) -> None:
    with TABLE.open(encoding="utf-8", newline="") as lines:
        sizes = Counter(row["id"].split("-", 1)[0] for row in csv.DictReader(lines))

    assert sizes[chapter] == size


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("XYZ-A1,点位,point,none,,", "XYZ-A1: the id belongs to no known chapter and section"),
        ("SCH-Z1,点位,point,none,,", "SCH-Z1: the id belongs to no known chapter and section"),
        ("SCH-C10.1,点位,point,none,,", "SCH-C10.1: the id belongs to no known chapter and section"),
        ("SCH-A1,point,point,none,,", "SCH-A1: zh holds no Chinese"),
        ("SCH-A1,,point,none,,", "SCH-A1: zh holds no Chinese"),
        ("SCH-A1,点位,,none,,", "SCH-A1: en holds no English"),
        ("SCH-A1,点位,point,finished,,", "SCH-A1: status 'finished' is none of done, partial, none"),
        ("SCH-A1,点位,point,,,", "SCH-A1: status '' is none of done, partial, none"),
        ("SCH-A1,点位,point,partial,,", "SCH-A1: partial must say where"),
        (f"SCH-A1,点位,point,done,,{THIS_TEST}", "SCH-A1: done must say where"),
        ("SCH-A1,点位,point,done,/points,", "SCH-A1: done must name a test"),
        ("SCH-A1,点位,point,done,/points, ; ", "SCH-A1: done must name a test"),
        (f"SCH-A1,点位,point,done,hub/nowhere.py,{THIS_TEST}", "SCH-A1: where names hub/nowhere.py, which does not"),
        ("SCH-A1,点位,point,done,/points,tests/house/test_conformance.py", "SCH-A1: test tests/house/test_conf"),
        (
            "SCH-A1,点位,point,done,/points,tests/house/test_no.py::test_x",
            "SCH-A1: test tests/house/test_no.py::test_x",
        ),
        (f"SCH-A1,点位,point,done,/points,{THIS_TEST}_not", f"SCH-A1: test {THIS_TEST}_not does not exist"),
        (f"SCH-A1,点位,point,done,/points,{THIS_TEST};tests/x.py::test_y", "SCH-A1: test tests/x.py::test_y does not"),
        ("SCH-A1,点位,point,partial,/points,tests/x.py::test_y", "SCH-A1: test tests/x.py::test_y does not exist"),
        ("SCH-A1,点位,point,done,/points,tests/house/test_conformance.py::table_of", "::table_of does not exist"),
        ("SCH-A1,点位,point,none", "line 2: 4 fields instead of 6"),
    ],
)
def test_a_bad_row_is_refused_with_its_fault(tmp_path: Path, line: str, fault: str) -> None:
    answer = conformance("--check", "--table", table_of(tmp_path, line))

    assert answer.returncode == 2
    assert re.fullmatch(f".*{re.escape(fault)}.*\n", answer.stderr)


def test_an_id_that_stands_twice_is_refused(tmp_path: Path) -> None:
    row = "SCH-A1,点位,point,none,,"

    answer = conformance("--check", "--table", table_of(tmp_path, row, row))

    assert (answer.returncode, answer.stderr) == (2, "SCH-A1: the id stands 2 times\n")


def test_an_unknown_header_is_refused(tmp_path: Path) -> None:
    answer = conformance("--check", "--table", table_of(tmp_path, header="id,name"))

    assert (answer.returncode, answer.stderr) == (2, f"the header must read {HEADER}\n")


def test_a_missing_table_is_refused_in_one_line(tmp_path: Path) -> None:
    answer = conformance("--check", "--table", tmp_path / "none.csv")

    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1


def test_a_stale_page_is_told_and_rendering_mends_it(tmp_path: Path) -> None:
    table = table_of(tmp_path, f"SCH-A1,点位,point,done,/points,{THIS_TEST}", "SCH-A2,任务,task,partial,/tasks,")
    files = ("--table", table, "--page", tmp_path / "conformance.md")

    stale = conformance("--check", *files)
    written = conformance(*files)
    current = conformance("--check", *files)

    assert [stale.returncode, written.returncode, current.returncode] == [1, 0, 0]
    assert "run python docs/render_conformance.py" in stale.stderr


def test_the_page_counts_each_chapter_and_names_the_evidence(tmp_path: Path) -> None:
    page = tmp_path / "conformance.md"
    table = table_of(tmp_path, f"SCH-A1,点位,a|b,done,/points;/map,{THIS_TEST}", "POR-HD-01,设备,type,none,,")

    conformance("--table", table, "--page", page)

    lines = page.read_text(encoding="utf-8").splitlines()
    assert "| 资源管理调度（SCH） | 1 | 1 | 0 | 0 | 100.0% |" in lines
    assert "| 合计 | 2 | 1 | 0 | 1 | 50.0% |" in lines
    assert f"| SCH-A1 | 点位 | a\\|b | 已实现 | `/points`<br>`/map` | `{THIS_TEST}` |" in lines
    assert lines[lines.index("### 设备一张图") + 4].startswith("| POR-HD-01 |")
