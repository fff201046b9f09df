"""A file or folder is a noun of the product."""

from pathlib import Path
from typing import Any

SAYS_NOTHING = {"base", "bases", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
OURS = {"appliance", "federation", "firmware_profiles", "hil_tests", "hub", "image_build", "tests", "docs"}


def test_no_file_or_folder_has_a_name_that_says_nothing(files: list[Path]) -> None:
    named = [file for file in files if SAYS_NOTHING & {part.split(".")[0].lower() for part in file.parts}]

    assert named == []


def test_every_folder_with_python_in_it_is_a_package(root: Path, files: list[Path], pyproject: dict[str, Any]) -> None:
    packages = pyproject["tool"]["importlinter"]["root_packages"]
    folders = {file.parent for file in files if file.suffix == ".py" and file.parts[0] in packages}

    assert [str(folder) for folder in sorted(folders) if not (root / folder / "__init__.py").is_file()] == []


def test_only_tests_are_excused_from_docstrings(pyproject: dict[str, Any]) -> None:
    lint = pyproject["tool"]["ruff"]["lint"]
    excused = {where for where, rules in lint["per-file-ignores"].items() if "D" in rules}

    assert excused == {"tests/**"}
    assert {rule for rule in lint["ignore"] if rule.startswith("D1")} == {"D105", "D107"}
