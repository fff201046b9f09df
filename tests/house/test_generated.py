"""What is generated is what its source says now."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("side", ["appliance", "hub"])
def test_the_front_ends_description_of_an_api_is_current(side: str, root: Path) -> None:
    written = root / "federation" / "webkit" / "api" / f"{side}.openapi.json"
    if not written.exists():
        pytest.skip(f"the front end does not use the {side}'s description")
    fengsui = Path(sys.executable).with_name("fengsui")

    said = subprocess.run([fengsui, side, "openapi"], capture_output=True, text=True, check=True, timeout=60).stdout

    assert json.loads(written.read_text("utf-8")) == json.loads(said), "run make openapi"
