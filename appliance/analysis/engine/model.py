"""One model of the engine: frames go in, and what the algorithms that share it see in them comes out."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.engine.frame import Dropped, Frame
from appliance.analysis.engine.heads import aim_at, failed, found_by
from appliance.analysis.engine.host import Host, HostLost, ModelFails
from appliance.analysis.engine.looking import look
from appliance.analysis.engine.worker import Worker
from appliance.analysis.finding import Found, Picture

Seen = Mapping[str, Found | Dropped]
"""What each head found in one picture, or why it could not say."""


@dataclass(frozen=True, kw_only=True)
class Sighted:
    """A frame to look at, and the heads that are asked."""

    frame: Frame
    heads: frozenset[str]


class Model(Worker):
    """A model with the process that computes it. `look` may be called by several threads."""

    @property
    def name(self) -> str:
        """What it is: the digest of its file and input."""
        return self.declared.network

    @property
    def device_name(self) -> str:
        """Where it runs."""
        return self.device.name

    def look(self, batch: Sequence[Sighted]) -> list[Seen | Dropped]:
        """Return what was seen in each frame, or why it was not looked at."""
        results: dict[int, Seen | Dropped] = {}
        pictures: dict[int, Picture] = {}
        for index, item in enumerate(batch):
            try:
                pictures[index] = item.frame.picture()
            except CannotDecode as error:
                results[index] = Dropped(reason="unreadable", detail=str(error))
        heads = [batch[index].heads for index in pictures]
        results |= dict(zip(pictures, self._looked(heads, list(pictures.values())), strict=True))
        return [results[index] for index in range(len(batch))]

    def seen_through(self, host: Host, pictures: Sequence[Picture]) -> list[Seen]:
        """Return what every head sees in the pictures through one process; raise ModelFails or HostLost."""
        return [seen for picture in pictures for seen in self._seen(host, [frozenset(self.heads)], [picture])]

    def _looked(self, heads: Sequence[frozenset[str]], pictures: Sequence[Picture]) -> Sequence[Seen | Dropped]:
        if not heads:
            return []
        begun_s = time.monotonic()
        try:
            with self.host() as host:
                seen = self._seen_by_all(host, heads, pictures)
                if len(heads) == 1 or not any(map(_has_fault, seen)):
                    self.succeeded(len(heads), begun_s, host)
                    return seen
        except HostLost as error:
            return [Dropped(reason="failed", detail=f"model_crashed: {error}")] * len(heads)
        except ModelFails as error:
            if len(heads) == 1:
                return [failed(error)]
        # What one picture brings about is not to cost those that were taken along with it.
        return [one for mine, picture in zip(heads, pictures, strict=True) for one in self._looked([mine], [picture])]

    def _seen_by_all(self, host: Host, heads: Sequence[frozenset[str]], pictures: Sequence[Picture]) -> Sequence[Seen]:
        try:
            return self._seen(host, heads, pictures)
        except IndexError as error:
            raise HostLost(f"it answered something else than it was asked: {error}") from error
        except ModelFails as error:
            if error.code == "card_fails":
                raise HostLost(str(error)) from error
            if error.code != "gone":
                raise
            return self._seen(host, heads, pictures)  # without the head that was let go meanwhile

    def _seen(self, host: Host, heads: Sequence[frozenset[str]], pictures: Sequence[Picture]) -> list[Seen]:
        known = self.heads  # one that is let go meanwhile is answered no more
        wanted = frozenset[str]().union(*heads) & known.keys()
        if not wanted:
            return [{} for _ in heads]
        found = look(host, aim_at(self.declared, [known[name] for name in sorted(wanted)]), pictures, self.cost.parts)
        return [
            {
                name: found_by(host, known[name], picture, found[name], index, ledger=self.cost.parts)
                for name in mine & wanted
            }
            for index, (mine, picture) in enumerate(zip(heads, pictures, strict=True))
        ]


def _has_fault(seen: Seen) -> bool:
    return any(isinstance(found, Dropped) for found in seen.values())
