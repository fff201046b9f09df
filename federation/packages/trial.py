"""A package's model is tried in a process of its own, with as much memory and time as it is allowed.

A model of 65 bytes can ask for 80 GB, and a loop in it need not end: whatever it does, only the child is hurt.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from federation.packages.archive import Package

PROGRAM = (str(Path(sys.executable).with_name("fengsui")), "package")
COMMAND = (*PROGRAM, "try")
"""What the child runs; the file and the bytes that it may use are added, and it prints a Trial as JSON."""

MEMORY_BYTES = 4 << 30
"""Of address space, of which Python with its libraries takes a good gigabyte."""

TIME_S = 120.0


class Trial(BaseModel):
    """What became of a trial: the code of a criterion that failed and why, or nothing; and what it took."""

    model_config = ConfigDict(frozen=True)

    tried: bool = Field(default=True, description="false: nothing here runs models")
    code: str = ""
    detail: Annotated[str, StringConstraints(max_length=2000)] = ""
    model_mb: int = Field(default=0, ge=0, description="memory that the model took")
    picture_ms: float = Field(default=0.0, ge=0, description="time of one inference on one core")


Try = Callable[[Package], Trial]


def try_out(package: Package, *, memory_bytes: int = MEMORY_BYTES, time_s: float = TIME_S) -> Trial:
    """Load and run the package's model in a child process and return what became of it; blocks for up to `time_s`."""
    if package.manifest.model_file is None:
        return Trial(tried=False, detail="it has no model")
    if find_spec("onnxruntime") is None:
        return Trial(tried=False, detail="no onnxruntime is installed here")
    command = [*COMMAND, str(package.path.resolve()), str(memory_bytes)]
    with tempfile.TemporaryDirectory() as nowhere:  # a path in a model leads to nothing
        try:
            done = subprocess.run(command, cwd=nowhere, capture_output=True, timeout=time_s, check=False)
        except subprocess.TimeoutExpired:
            return Trial(code="trial_failed", detail=f"no result within {time_s:g} s")
    with contextlib.suppress(ValidationError):
        return Trial.model_validate_json(done.stdout)
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return Trial(code="trial_failed", detail=f"the trial ended with {done.returncode}: {''.join(last)[:300]}")
