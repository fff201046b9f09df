"""The graphics cards of this machine, and whether models really run on them."""

import importlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from appliance.analysis.engine.devices import GPU_BATCH, GPU_WORKERS, Device
from appliance.analysis.engine.host import Host, HostLost, ModelFails

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Card:
    """A card as its driver describes it; memory in MB, `busy_percent` over its last moments."""

    index: int
    name: str
    memory_mb: int
    used_mb: int
    busy_percent: int


def cards_here() -> tuple[Card, ...]:
    """Return the cards that NVIDIA's driver knows; none where there is no driver, or its library is not installed."""
    nvml = _driver()
    return () if nvml is None else tuple(_card(nvml, index) for index in range(nvml.nvmlDeviceGetCount()))


def card_bytes_of(pid: int) -> int:
    """Return what a process takes of the memory of all cards; 0 where it takes none, or the driver does not say."""
    nvml = _driver()
    if nvml is None:
        return 0
    handles = map(nvml.nvmlDeviceGetHandleByIndex, range(nvml.nvmlDeviceGetCount()))
    users = [user for handle in handles for user in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]
    return sum(user.usedGpuMemory or 0 for user in users if user.pid == pid)


def devices_here(cores: int, cards: Sequence[Card], fault_of: Callable[[Device], str]) -> tuple[Device, ...]:
    """Return what models run on: the cards on which one really runs, else the cores.

    A card that cannot be used is told in the log, and the box works on.
    """
    able: list[Device] = []
    for card in cards:
        device = Device(kind="cuda", index=card.index, workers=GPU_WORKERS, batch=GPU_BATCH)
        fault = fault_of(device)
        if fault:
            log.error("%s (%s) is not used: %s", device.name, card.name, fault)
        else:
            able.append(device)
    return tuple(able) or (Device(kind="cpu", workers=max(1, cores)),)


def fault_of(device: Device) -> str:
    """Return why no model runs there, empty if one does: a small one is loaded and run in a process of its own."""
    host = Host(device, memory_bytes=0, slot_bytes=0)
    try:
        host.prepare()
    except (HostLost, ModelFails) as error:
        return str(error)
    finally:
        host.end()
    return ""


@cache
def _driver() -> Any:
    """Return NVIDIA's management library, opened once for this process; None where it or the driver is absent."""
    try:
        nvml = importlib.import_module("pynvml")
    except ModuleNotFoundError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml


def _card(nvml: Any, index: int) -> Card:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory, busy = nvml.nvmlDeviceGetMemoryInfo(handle), nvml.nvmlDeviceGetUtilizationRates(handle)
    return Card(
        index=index,
        name=str(nvml.nvmlDeviceGetName(handle)),
        memory_mb=memory.total >> 20,
        used_mb=memory.used >> 20,
        busy_percent=int(busy.gpu),
    )
