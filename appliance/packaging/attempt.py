"""What a trial does, in a process that has nothing to lose: federation.packages.trial starts it."""

import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from appliance.analysis.decoders import BadOutput
from appliance.analysis.detector import Detector, detector_of
from appliance.analysis.finding import Picture
from appliance.packaging.errors import WrongCall
from appliance.packaging.expectations import unmet
from appliance.packaging.features import features_fault
from appliance.packaging.graph import graph_fault
from federation.messages import Detection
from federation.packages import Manifest, Package, open_package
from federation.packages.runtime import Platform
from federation.packages.trial import Trial

ROUNDS = 3
LONGEST_FILE_BYTES = 1 << 20

Look = Callable[[Picture], tuple[Detection, ...]]


def lines(argv: list[str]) -> Iterator[str]:
    """Yield the Trial that `fengsui package try FILE BYTES` prints; raise WrongCall for another call."""
    if len(argv) != 3 or not argv[2].isdecimal():
        raise WrongCall("try takes a file and the bytes that it may use")
    yield try_in_limits(Path(argv[1]), int(argv[2])).model_dump_json()


def try_in_limits(path: Path, memory_bytes: int) -> Trial:
    """Try the package at `path` within `memory_bytes` of address space; this process stays bound."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LONGEST_FILE_BYTES, LONGEST_FILE_BYTES))
    os.nice(5)
    package = open_package(path)
    try:
        return attempt(package)
    except MemoryError:
        return Trial(code="trial_failed", detail="the memory allowed is not enough")


def attempt(package: Package) -> Trial:
    """Load the package's models and show them the samples, in this process: those of each platform, and its stages.

    What it took is that of the platform which a node of processors alone would use.
    """
    manifest = package.manifest
    if manifest.model_file is None:
        return Trial()
    for file in manifest.model_files:
        fault = graph_fault(package.read(file))
        if fault is not None:
            return Trial(code="unsafe_model", detail=f"{file}: {fault}")
    platforms = [platform for platform in manifest.runtime.platforms if platform.file is not None]
    usual, taken = manifest.platform_on(()) or platforms[0], Trial()
    for platform in platforms:
        tried = _tried(package, platform)
        if tried.code:
            return tried if len(platforms) == 1 else _of_file(tried, platform)
        taken = tried if platform == usual else taken
    return taken


def _tried(package: Package, platform: Platform) -> Trial:
    manifest = package.manifest
    try:
        torn = features_fault(package)
        if torn is not None:
            return Trial(code="features_differ", detail=torn)
        before_mb = _resident_mb()
        detector = detector_of(package, platform)
        picture_ms = _picture_ms(detector, manifest)
    except BadOutput as error:
        return Trial(code="output_differs", detail=str(error))
    except ValueError as error:
        return Trial(code="tensors_differ", detail=str(error)[:2000])
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no parent of their own
        return Trial(code="trial_failed", detail=str(error).splitlines()[0][:300])
    cost = {"model_mb": max(0, _resident_mb() - before_mb), "picture_ms": picture_ms}
    return show_samples(package, manifest, lambda picture: tuple(detector.detect(picture))).model_copy(update=cost)


def _of_file(trial: Trial, platform: Platform) -> Trial:
    return trial.model_copy(update={"detail": f"{platform.file}: {trial.detail}"[:2000]})


def show_samples(package: Package, manifest: Manifest, look: Look) -> Trial:
    """Show the package's samples to `look`; return what it should have found in one of them, or nothing."""
    for sample in manifest.samples:
        picture = cv2.imdecode(np.frombuffer(package.read(sample.file), np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            return Trial(code="samples_differ", detail=f"{sample.file} is no picture")
        height, width = picture.shape[:2]
        fault = unmet(sample, look(picture), manifest, size=(width, height))
        if fault is not None:
            return Trial(code="samples_differ", detail=f"{sample.file}: {fault}")
    return Trial()


def _picture_ms(detector: Detector, manifest: Manifest) -> float:
    width, height = (64, 64) if manifest.input is None else manifest.input.size
    picture = np.full((height, width, 3), 128, np.uint8)
    taken_ms = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        detector.infer(picture)
        taken_ms.append((time.perf_counter() - start) * 1000)
    return median(taken_ms)


def _resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() >> 20
