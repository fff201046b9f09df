"""One distribution holds all of it, and nothing else claims its names."""

import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from federation.cli import installed_commands


def test_nobody_else_owns_a_top_level_name_of_ours(pyproject: dict[str, Any]) -> None:
    owners = packages_distributions()

    for package in pyproject["tool"]["importlinter"]["root_packages"]:
        assert set(owners.get(package, [])) <= {"fengsui"}


def test_the_wheel_holds_every_package_under_contract(pyproject: dict[str, Any]) -> None:
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert sorted(wheel["packages"]) == sorted(pyproject["tool"]["importlinter"]["root_packages"])


@pytest.mark.parametrize("name", ["appliance", "demo", "hub", "package", "rig"])
def test_a_command_is_there_and_takes_arguments(name: str) -> None:
    assert callable(installed_commands()[name].load())


def test_built_pages_travel_in_the_wheel_and_not_in_git(files: list[Path], pyproject: dict[str, Any]) -> None:
    artifacts = [Path(folder) for folder in pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["artifacts"]]

    assert artifacts == [Path("appliance/panel/static"), Path("hub/portal/static")]
    assert [file for file in files if any(file.is_relative_to(folder) for folder in artifacts)] == []


def test_the_wheel_holds_pages_profiles_and_types_and_no_sources_of_the_front_end(root: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=root, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr

    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())

    apps = [app for app in ("hub/portal", "appliance/panel") if (root / app / "ui" / "src" / "main.ts").is_file()]
    assert {f"{app}/static/index.html" for app in apps} <= names
    assert {"hub/py.typed", "federation/cli.py", "firmware_profiles/profile.py"} <= names
    assert any(name.startswith("firmware_profiles/") and name.endswith(".yaml") for name in names)
    assert [name for name in names if "/ui/" in name or "node_modules" in name or name.endswith((".vue", ".ts"))] == []
