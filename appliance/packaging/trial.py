"""A package's model is tried in a process of its own, with as much memory and time as it is allowed.

A model of 65 bytes can ask for 80 GB, and a loop in it need not end: whatever it does, only the child is hurt.
"""

import contextlib
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from appliance.analysis.decoders import BadOutput
from appliance.analysis.detector import Detector
from appliance.packaging.expectations import unmet
from appliance.packaging.graph import graph_fault
from federation.packages import Manifest, Package, open_package

MEMORY_BYTES = 4 << 30
"""Of address space, of which Python with its libraries takes a good gigabyte."""

TIME_S = 120.0


class Trial(BaseModel):
    """What became of a trial: the code of a criterion that failed and why, or nothing."""

    model_config = ConfigDict(frozen=True)

    code: str = ""
    detail: Annotated[str, StringConstraints(max_length=2000)] = ""
    peak_mb: int = Field(default=0, ge=0)


def try_out(package: Package, *, memory_bytes: int = MEMORY_BYTES, time_s: float = TIME_S) -> Trial:
    """Load and run the package's model in a child process and return what became of it; blocks for up to `time_s`."""
    command = [sys.executable, "-m", "appliance.packaging.trial", str(package.path.resolve()), str(memory_bytes)]
    with tempfile.TemporaryDirectory() as nowhere:  # a path in a model leads to nothing
        try:
            done = subprocess.run(command, cwd=nowhere, capture_output=True, timeout=time_s, check=False)
        except subprocess.TimeoutExpired:
            return Trial(code="trial_failed", detail=f"no result within {time_s:g} s")
    with contextlib.suppress(ValidationError):
        return Trial.model_validate_json(done.stdout)
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return Trial(code="trial_failed", detail=f"the trial ended with {done.returncode}: {''.join(last)[:300]}")


def main(arguments: list[str]) -> int:
    """Try the package that the first argument names within the bytes of the second; print the Trial as JSON."""
    path, memory_bytes = Path(arguments[0]), int(arguments[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    package = open_package(path)
    try:
        trial = attempt(package)
    except MemoryError:
        trial = Trial(code="trial_failed", detail="the memory allowed is not enough")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    sys.stdout.write(trial.model_copy(update={"peak_mb": peak_mb}).model_dump_json())
    return 0


def attempt(package: Package) -> Trial:
    """Load the package's model and show it the samples, in this process: only for who has nothing to lose."""
    manifest = package.manifest
    if manifest.model_file is None:
        return Trial()
    model = package.read(manifest.model_file)
    fault = graph_fault(model)
    if fault is not None:
        return Trial(code="unsafe_model", detail=fault)
    try:
        detector = Detector(manifest, model)
    except BadOutput as error:
        return Trial(code="output_differs", detail=str(error))
    except ValueError as error:
        return Trial(code="tensors_differ", detail=str(error)[:2000])
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no parent of their own
        return Trial(code="trial_failed", detail=str(error).splitlines()[0][:300])
    return _samples(package, manifest, detector)


def _samples(package: Package, manifest: Manifest, detector: Detector) -> Trial:
    for sample in manifest.samples:
        picture = cv2.imdecode(np.frombuffer(package.read(sample.file), np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            return Trial(code="samples_differ", detail=f"{sample.file} is no picture")
        height, width = picture.shape[:2]
        fault = unmet(sample, detector.detect(picture), manifest, size=(width, height))
        if fault is not None:
            return Trial(code="samples_differ", detail=f"{sample.file}: {fault}")
    return Trial()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
