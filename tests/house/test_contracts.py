"""Dependencies run one way, and every folder has its place in a contract."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def _layers(contract: dict[str, Any]) -> set[str]:
    names = (name for layer in contract["layers"] for name in layer.replace("|", ":").split(":"))
    return {name.strip().strip("()") for name in names}


def test_every_contract_is_kept(root: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([linter, "--no-cache"], cwd=root, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_folder_with_python_in_the_root_is_under_contract(files: list[Path], pyproject: dict[str, Any]) -> None:
    linter = pyproject["tool"]["importlinter"]
    folders = {file.parts[0] for file in files if file.suffix == ".py" and len(file.parts) > 1} - {"docs", "tests"}

    assert folders == set(linter["root_packages"])
    assert folders == _layers(linter["contracts"][0])


@pytest.mark.parametrize("package", ["appliance", "federation", "hub"])
def test_every_part_of_a_package_has_its_place_in_an_exhaustive_contract(
    package: str, files: list[Path], pyproject: dict[str, Any]
) -> None:
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    [contract] = [each for each in contracts if each.get("containers") == [package]]
    modules = [file for file in files if file.parts[0] == package and file.suffix == ".py"]
    parts = {module.parts[1].removesuffix(".py") for module in modules} - {"__init__"}

    assert contract["exhaustive"] is True
    assert parts - _layers(contract) == set()
