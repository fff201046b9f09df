"""What became of packages in the engine, and frames on their way through the models of some."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.analysis.engine.frame import Dropped
from appliance.analysis.engine.model import Seen
from federation.packages import Manifest

PackageKey = tuple[str, str]
"""Id and version of an algorithm."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A package whose model is loaded: which model, and which of its heads."""

    manifest: Manifest
    network: str
    head: str


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """A package that cannot work here; the reason is `code: what is wrong`.

    It was tried `tries` times, the last time at `tried_s` of the engine's clock.
    """

    reason: str
    tries: int = field(default=1, compare=False)
    tried_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A frame on its way through one model. `heads` says whose answer is whose."""

    heads: Mapping[PackageKey, str]
    answer: asyncio.Future[Seen | Dropped]
