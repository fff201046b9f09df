"""What a killed run leaves behind is removed by the next."""

import os
from pathlib import Path

from hil_tests.chaos.__main__ import remove_leftovers

NO_PROCESS = 2**22 + 1  # Linux numbers processes below 2**22


def test_folders_of_killed_runs_are_removed_and_all_others_stay(tmp_path: Path) -> None:
    names = [
        f"fengsui-chaos-{NO_PROCESS}-x",
        f"fengsui-chaos-{os.getpid()}-x",
        "fengsui-chaos-mine-x",
        "fengsui-demo-1-x",
    ]
    for name in names:
        (tmp_path / name / "hub").mkdir(parents=True)

    remove_leftovers(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == set(names[1:])
