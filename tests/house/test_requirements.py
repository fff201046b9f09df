"""The hashed requirement files hold what pyproject.toml asks for, every archive by its hash."""

import re
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?:\s*;.*?)?\s*\\?$")
EXTRAS = {"cpu.txt": ["cpu"], "gpu.txt": ["gpu"], "dev.txt": ["cpu", "dev"]}


def _pins(file: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in file.read_text("utf-8").splitlines():
        if match := PIN.match(line):
            found.setdefault(canonicalize_name(match["name"]), set()).add(match["version"])
    return found


@pytest.mark.parametrize("name", sorted(EXTRAS))
def test_a_requirement_file_satisfies_pyproject(name: str, root: Path, pyproject: dict[str, Any]) -> None:
    project = pyproject["project"]
    asked = list(project["dependencies"])
    for extra in EXTRAS[name]:
        asked += project["optional-dependencies"][extra]
    pins = _pins(root / "requirements" / name)

    for requirement in map(Requirement, asked):
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in requirements/{name}: run make requirements"
        assert all(requirement.specifier.contains(version, prereleases=True) for version in versions), requirement


@pytest.mark.parametrize("name", ["build.txt", "cpu.txt", "dev.txt", "fuzz.txt", "gpu.txt", "node.txt", "training.txt"])
def test_every_line_is_a_pin_or_a_hash(name: str, root: Path) -> None:
    lines = (root / "requirements" / name).read_text("utf-8").splitlines()

    strangers = [
        line for line in lines if not PIN.match(line) and not re.match(r"^    --hash=sha256:[0-9a-f]{64}", line)
    ]
    assert strangers == []
    for pin, after in zip(lines, [*lines[1:], ""], strict=True):
        assert not PIN.match(pin) or after.startswith("    --hash=")


def test_the_tests_run_with_the_versions_that_are_shipped(root: Path) -> None:
    shipped, tested = (_pins(root / "requirements" / name) for name in ("cpu.txt", "dev.txt"))

    assert {name: tested.get(name) for name in shipped} == shipped


def test_the_two_builds_of_onnxruntime_never_meet(root: Path) -> None:
    assert "onnxruntime-gpu" not in _pins(root / "requirements" / "cpu.txt")
    assert "onnxruntime" not in _pins(root / "requirements" / "gpu.txt")


def test_every_debian_package_says_its_level_its_proof_and_why(root: Path) -> None:
    lines = (root / "requirements" / "debian.txt").read_text("utf-8").splitlines()

    for line in lines:
        if line and not line.startswith("#"):
            level, package, proof, *why = line.split()
            assert level in {"demo", "develop"}, line
            assert re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", package), line
            assert proof == "-" or proof.startswith("/"), line
            assert len(why) >= 3, line
