"""32 sources on one model, against a bare onnxruntime loop of as many threads in turn with it."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from appliance.analysis.detector import CPU
from appliance.analysis.engine.devices import open_session
from appliance.analysis.engine.engine import Engine
from appliance.analysis.engine.network import Head, Network
from appliance.analysis.engine.packages import PackageKey
from appliance.analysis.finding import Picture
from appliance.analysis.preprocessing import placed, tensor_of
from tests.bench.engine.material import Material
from tests.bench.engine.working import CORES, cpu_s, seen, working

ROUNDS = 12
PICTURES = 64
SOURCES = 32
CALM = 0.7
KEY = ("bench.yolox", "1.0.0")


async def measure(material: Material, seconds: float) -> dict[str, Any]:
    """Return pictures per second of both, each in `ROUNDS` turns, and how long a picture takes at 70 % of that."""
    pictures = await asyncio.to_thread(material.pictures, PICTURES)
    bare, whole = await asyncio.to_thread(_loops, material, pictures)
    span_s = seconds / ROUNDS
    counts = {"run": 0, "bare": 0, "engine": 0}
    took_s: list[float] = []
    used_s = {"bare": 0.0, "engine": 0.0}
    async with working({KEY: material.package.path}) as engine:
        for _ in range(ROUNDS):
            counts["run"] += len(await asyncio.to_thread(threads, bare, span_s))
            spent_s = cpu_s()
            took_s += (one := await asyncio.to_thread(threads, whole, span_s))
            counts["bare"] += len(one)
            used_s["bare"] += cpu_s() - spent_s
            (model,) = engine.report().models
            spent_s = cpu_s(model.pid)
            counts["engine"] += await saturated(engine, KEY, pictures, span_s, sources=SOURCES)
            used_s["engine"] += cpu_s(model.pid) - spent_s
        rate = CALM * counts["engine"] / seconds
        calm_s = await paced(engine, KEY, pictures, rate, seconds, sources=SOURCES)
    per_s = {name: count / seconds for name, count in counts.items()}
    return {
        "cores": CORES,
        "sources": SOURCES,
        "run_only_per_s": round(per_s["run"], 2),
        "bare_per_s": round(per_s["bare"], 2),
        "engine_per_s": round(per_s["engine"], 2),
        "share_percent": round(100 * per_s["engine"] / per_s["bare"], 1),
        "share_of_run_only_percent": round(100 * per_s["engine"] / per_s["run"], 1),
        "bare_cpu_ms": round(1000 * used_s["bare"] / counts["bare"], 1),
        "engine_cpu_ms": round(1000 * used_s["engine"] / counts["engine"], 1),
        "bare_p50_ms": percentile(took_s, 50),
        "bare_p95_ms": percentile(took_s, 95),
        "calm_per_s": round(rate, 2),
        "engine_p50_ms": percentile(calm_s, 50),
        "engine_p95_ms": percentile(calm_s, 95),
    }


def _loops(material: Material, pictures: list[Picture]) -> tuple[Callable[[int], object], Callable[[int], object]]:
    """Return what runs the bare model on a ready tensor, and what goes all the way from a picture to boxes."""
    manifest = material.package.manifest
    assert manifest.input is not None
    assert manifest.output is not None
    entry, content = manifest.input, material.package.read("models/m.onnx")
    session, network = open_session(content, CPU), Network(entry, content, CPU)
    head = Head(manifest.output, manifest.labels, entry.size)
    ready = tensor_of(placed(pictures[0], entry)[0][None], entry)

    def whole(number: int) -> object:
        canvas, placement = placed(pictures[number % len(pictures)], entry)
        (tensors,) = network.run(canvas[None], head.tensors)
        return head.see(tensors, placement)

    return lambda _number: session.run(None, {entry.tensor: ready}), whole


def threads(step: Callable[[int], object], span_s: float) -> list[float]:
    """Take the step again and again on every core; return what each took, in s."""
    took_s: list[float] = []

    def loop() -> None:
        until_s = time.perf_counter() + span_s
        while (begun_s := time.perf_counter()) < until_s:
            step(len(took_s))
            took_s.append(time.perf_counter() - begun_s)

    loops = [threading.Thread(target=loop) for _ in range(CORES)]
    for thread in loops:
        thread.start()
    for thread in loops:
        thread.join()
    return took_s


async def saturated(engine: Engine, key: PackageKey, pictures: list[Picture], span_s: float, *, sources: int) -> int:
    """Let every source send its next picture when the last is done; return how many were."""
    until_s, done = time.perf_counter() + span_s, 0

    async def source(name: str) -> None:
        nonlocal done
        while time.perf_counter() < until_s:
            answered = await seen(engine, name, pictures[done % len(pictures)], [key])
            done += len(answered)

    async with asyncio.TaskGroup() as group:
        for number in range(sources):
            group.create_task(source(f"camera{number}"))
    return done


async def paced(
    engine: Engine, key: PackageKey, pictures: list[Picture], rate: float, span_s: float, *, sources: int
) -> list[float]:
    """Send pictures at a steady rate, from the sources in turn; return how long each took, in s."""
    took_s: list[float] = []

    async def one(number: int) -> None:
        begun_s = time.perf_counter()
        if await seen(engine, f"camera{number % sources}", pictures[number % len(pictures)], [key]):
            took_s.append(time.perf_counter() - begun_s)

    begun_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * span_s)):
            group.create_task(one(number))
            await asyncio.sleep(max(0.0, begun_s + (number + 1) / rate - time.perf_counter()))
    return took_s


def percentile(values_s: list[float], share: int) -> float:
    """Return the percentile in ms."""
    return round(1000 * float(np.percentile(values_s, share)), 1) if values_s else 0.0
