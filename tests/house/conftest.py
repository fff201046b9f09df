"""What the house rules are about: the repository's root, its files, and its settings for tools."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def files(root: Path) -> list[Path]:
    """Return every file that git tracks or would track, relative to the root, in order."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return sorted({Path(name) for name in listed.split("\0") if name and (root / name).is_file()})


@pytest.fixture(scope="session")
def pyproject(root: Path) -> dict[str, Any]:
    """Return pyproject.toml as data."""
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
