"""What the repository holds works on any machine: no registry's host, nobody's folder."""

import json
import re
from pathlib import Path

import pytest

REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.(?:npmjs\.org|yarnpkg\.com|npmmirror\.com)|deb\.debian\.org"
    r"|index-url|find-links\s*=|/simple/"
)
SOMEBODYS_FOLDER = re.compile(r"(?<![\w.:/~-])/(?:root|work|home/(?!user\b|fengsui\b)\w+|Users/\w+)/[\w.]+")
TEXT = {".cfg", ".css", ".csv", ".html", ".ini", ".js", ".json", ".md", ".mjs", ".py", ".sh", ".svg", ".toml"} | {
    ".ts",
    ".txt",
    ".vue",
    ".yaml",
    ".yml",
    "",
}
NAMES_THEM_ON_PURPOSE = {Path("requirements/compile.sh"), Path("tests/house/test_hosts.py")}


def _lines_with(pattern: re.Pattern[str], root: Path, files: list[Path]) -> list[str]:
    return [
        f"{file}:{number}: {line.strip()[:120]}"
        for file in files
        if file.suffix in TEXT and file not in NAMES_THEM_ON_PURPOSE
        for number, line in enumerate((root / file).read_text("utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_the_host_of_a_package_registry(root: Path, files: list[Path]) -> None:
    assert _lines_with(REGISTRY, root, files) == []


def test_no_file_names_a_folder_of_somebodys_machine(root: Path, files: list[Path]) -> None:
    assert _lines_with(SOMEBODYS_FOLDER, root, files) == []


@pytest.mark.parametrize("address", ["https://pypi.org/x", "https://registry.npmjs.org/vue", "--index-url x"])
def test_the_rule_sees_a_registry(address: str) -> None:
    assert REGISTRY.search(address)


def test_the_lock_of_the_front_end_records_no_download_address(root: Path) -> None:
    lock = root / "package-lock.json"
    if not lock.exists():
        pytest.skip("no front end yet")

    packages = json.loads(lock.read_text("utf-8"))["packages"]

    assert [name for name, entry in packages.items() if "://" in entry.get("resolved", "")] == []
