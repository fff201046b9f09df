"""Graphics cards: the engine with many sources against bare onnxruntime on the same card, and key frames decoded there.

The bare loops hand over tensors that are ready and read the answer back; the engine begins with pictures and ends with
what was seen.
"""

import asyncio
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from appliance.analysis.decoding import DecoderPool
from appliance.analysis.engine.cards import Card, cards_here, devices_here, fault_of
from appliance.analysis.engine.devices import Device, open_session
from appliance.analysis.finding import Picture
from appliance.analysis.preprocessing import placed, tensor_of
from appliance.local import FrameHeader
from federation.packages import Package
from tests.bench.engine.cameras import HEIGHT_PX, WIDTH_PX, street_packets
from tests.bench.engine.deep import deep_package
from tests.bench.engine.material import Material
from tests.bench.engine.throughput import CALM, paced, percentile, saturated
from tests.bench.engine.working import CORES, cpu_s, working

PICTURES = 64
SOURCES = 256
FILM_FRAMES = 100
WARM_UP = 4


async def measure(material: Material, seconds: float) -> dict[str, Any]:
    """Return the figures of the first card, and nothing but why where no card can be used."""
    cards = await asyncio.to_thread(cards_here)
    (device, *_) = await asyncio.to_thread(devices_here, CORES, cards, fault_of)
    if device.kind == "cpu":
        return {"unmeasured": "no card that onnxruntime can use" if cards else "no card here"}
    pictures = await asyncio.to_thread(material.pictures, PICTURES)
    figures: dict[str, Any] = {"card": cards[device.index].name, "cores": CORES, "sources": SOURCES}
    with tempfile.TemporaryDirectory() as folder:
        deep, half = [await asyncio.to_thread(deep_package, Path(folder), half=half) for half in (False, True)]
        for name, package in (("deep", deep), ("half", half), ("nano", material.package)):
            found = await _model(package, device, pictures, seconds / 3)
            figures |= {f"{name}_{key}": value for key, value in found.items()}
    return figures | await asyncio.to_thread(_decoding, material, device, seconds / 3)


async def _model(package: Package, device: Device, pictures: list[Picture], span_s: float) -> dict[str, Any]:
    key = (package.manifest.id, package.manifest.version)
    alone = await asyncio.to_thread(_bare, package, device, 1, pictures, span_s)
    async with working({key: package.path}, device) as engine:
        (model,) = engine.report().models
        batch = model.batch_most
        batched = await asyncio.to_thread(_bare, package, device, batch, pictures, span_s)
        await saturated(engine, key, pictures, 1.0, sources=SOURCES)
        spent_s, begun_s = cpu_s(model.pid), time.perf_counter()
        done = await saturated(engine, key, pictures, span_s, sources=SOURCES)
        took_s, spent_s = time.perf_counter() - begun_s, cpu_s(model.pid) - spent_s
        rate = done / took_s
        (after,) = engine.report().models
        busy = _card(device)
        waits_s = await paced(engine, key, pictures, CALM * rate, span_s, sources=SOURCES)
    return {
        "alone_per_s": round(alone, 1),
        "batched_per_s": round(batched, 1),
        "engine_per_s": round(rate, 1),
        "times_alone": round(rate / alone, 2),
        "share_percent": round(100 * rate / batched, 1),
        "batch_most": batch,
        "batch_mean": after.batch_mean,
        "cpu_ms": round(1000 * spent_s / done, 2) if done else 0.0,
        "p50_ms": percentile(waits_s, 50),
        "p95_ms": percentile(waits_s, 95),
        "memory_mb": after.memory_mb,
        "card_memory_mb": after.card_memory_mb,
        "card_busy_percent": busy.busy_percent,
    }


def _card(device: Device) -> Card:
    return cards_here()[device.index]


def _bare(package: Package, device: Device, batch: int, pictures: list[Picture], span_s: float) -> float:
    """Return how many pictures a second the model does that gets ready tensors, one call after the other."""
    entry = package.manifest.input
    assert entry is not None
    session = open_session(package.read("models/m.onnx"), device)
    tensor = tensor_of(np.stack([placed(picture, entry)[0] for picture in pictures[:batch]]), entry)
    for _ in range(WARM_UP):
        session.run(None, {entry.tensor: tensor})
    done, begun_s = 0, time.perf_counter()
    while time.perf_counter() - begun_s < span_s:
        session.run(None, {entry.tensor: tensor})
        done += batch
    return done / (time.perf_counter() - begun_s)


def _decoding(material: Material, device: Device, span_s: float) -> dict[str, Any]:
    """Return how many frames of 1080p a second the cores decode whose cameras have few key frames, and the card."""
    film = street_packets(material, frames=FILM_FRAMES, key_every=FILM_FRAMES)
    figures: dict[str, Any] = {}
    for where, cards in (("cores", ()), ("card", (device.index,))):
        pool = DecoderPool(cards=cards)
        if cards and not pool.on_cards:
            return figures | {"decoded_card_unmeasured": "the card decodes nothing here"}
        with ThreadPoolExecutor(CORES) as cameras:
            list(cameras.map(partial(_watched, pool, film, 0.0), range(CORES)))
            spent_s, begun_s = time.process_time(), time.perf_counter()
            done = sum(cameras.map(partial(_watched, pool, film, begun_s + span_s), range(CORES)))
            took_s, spent_s = time.perf_counter() - begun_s, time.process_time() - spent_s
        figures |= {
            f"decoded_{where}_per_s": round(done / took_s, 1),
            f"decoded_{where}_cpu_ms": round(1000 * spent_s / done, 2),
        }
    return figures


def _watched(pool: DecoderPool, film: list[bytes], until_s: float, camera: int) -> int:
    """Decode the film, again and again; show one picture of 25 as a camera's task does. Return the frames."""
    done = 0
    while done < len(film) or time.perf_counter() < until_s:
        number = done % len(film)
        header = FrameHeader(
            point_id=f"camera{camera}",
            codec="h264",
            key=number == 0,
            sequence=number + 1,
            rtp_time=number * 3600,
            session=1,
            received_at=datetime.now(UTC),
            width_px=WIDTH_PX,
            height_px=HEIGHT_PX,
        )
        pool.next_frame(header, film[number], shown=number % 25 == 0)
        done += 1
    return done
