"""Shell scripts are clean, and set-up refuses what it does not know."""

import subprocess
from pathlib import Path

import pytest


def test_shellcheck_finds_nothing(root: Path, files: list[Path]) -> None:
    scripts = [
        file
        for file in files
        if file.suffix in {".sh", ""} and (root / file).read_bytes().startswith(b"#!/usr/bin/env bash")
    ]

    done = subprocess.run(["shellcheck", *scripts], cwd=root, capture_output=True, text=True, check=False)

    assert Path("set-up.sh") in scripts
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("arguments", [[], ["everything"]])
def test_set_up_refuses_an_unknown_level_in_one_line(arguments: list[str], root: Path) -> None:
    done = subprocess.run([root / "set-up.sh", *arguments], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr == "set-up: which level? ./set-up.sh demo | develop | fuzz | training | front-end-types\n"
