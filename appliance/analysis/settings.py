"""How much of the machine analysis may use."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from appliance.analysis.engine.cards import cards_here, devices_here, fault_of
from appliance.analysis.engine.devices import Device
from appliance.analysis.outside.calling import Bound
from appliance.config import Config


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Cores for models, and MB of memory for all of them; 0 for as many as there are, and for half of it.

    In `plans_folder` plans of TensorRT are kept; without it models run without. `systems` are the algorithm systems of
    others that pictures may go to, by name.
    """

    cores: int = 0
    memory_mb: int = 0
    plans_folder: Path | None = None
    systems: Mapping[str, Bound] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> "Settings":
        """Return what the configuration says."""
        systems = {
            each.name: Bound(url=each.url, secret_file=each.secret_file, ca_file=each.ca_file)
            for each in config.analysis.systems
        }
        return cls(
            cores=config.analysis.cores,
            memory_mb=config.analysis.memory_mb,
            plans_folder=config.data_folder / "tensorrt",
            systems=systems,
        )

    def devices(self) -> tuple[Device, ...]:
        """Return what models run on here; it takes some seconds where there are cards, as each is tried."""
        cores = self.cores or len(os.sched_getaffinity(0))
        return devices_here(cores, cards_here(), fault_of)

    def memory_bytes(self) -> int:
        """Return what all models may take together."""
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return self.memory_mb << 20 if self.memory_mb else pages // 2
