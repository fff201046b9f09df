"""An algorithm of an outside system as the engine knows it: shown frames, and left alone for a while where it fails."""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.engine.cost import Cost
from appliance.analysis.engine.frame import Dropped
from appliance.analysis.engine.model import Seen, Sighted
from appliance.analysis.finding import Found
from appliance.analysis.outside.breaker import Breaker
from appliance.analysis.outside.calling import Bound, Caller, Line
from appliance.analysis.outside.errors import OutsideFault
from federation.packages.endpoints import Endpoint

log = logging.getLogger(__name__)

HEAD = "answer"
"""What the engine calls its only head."""


def called(endpoint: Endpoint, labels: Sequence[str]) -> str:
    """Return what an algorithm of a system is known by: equal questions have equal answers."""
    parts = [endpoint.model_dump(mode="json"), list(labels)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class OutsideSystem:
    """`look` may be called by as many threads as pictures may be there at once; they are its own."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        bound: Bound,
        labels: Sequence[str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is sent yet. Raises OSError for a certificate file that cannot be read."""
        self.name = name
        self.device_name = f"http {endpoint.system}"
        self.at_once = endpoint.at_once
        self.cost = Cost()
        self.fault = ""
        self.threads = ThreadPoolExecutor(endpoint.at_once, thread_name_prefix=f"outside {endpoint.system}")
        self._line = Line(bound, endpoint.auth)
        self._caller = Caller(line=self._line, endpoint=endpoint, labels=labels)
        self._breaker = Breaker()
        self._lock = threading.Lock()
        self._clock = clock

    def end(self) -> None:
        """Let go of its threads and connections; what is on its way is not waited for."""
        self.threads.shutdown(wait=False, cancel_futures=True)
        self._line.close()

    def look(self, batch: Sequence[Sighted]) -> list[Seen | Dropped]:
        """Return what was seen in each frame, or why it was not shown."""
        return [self._look(item) for item in batch]

    def _look(self, item: Sighted) -> Seen | Dropped:
        refusal = self._refusal()
        if refusal is not None:
            return refusal
        begun_s = self._clock()
        try:
            detections = self._caller.ask(item.frame.picture())
        except CannotDecode as error:
            self._note(self._breaker.let_go())
            return Dropped(reason="unreadable", detail=str(error))
        except OutsideFault as error:
            return self._failed(error)
        except BaseException:
            self._note(self._breaker.let_go())  # or nobody would ever ask again
            raise
        self._succeeded(begun_s)
        return {HEAD: Found(detections=detections)}

    def _refusal(self) -> Dropped | None:
        """Say that the system is left alone; else note that it is asked."""
        now_s = self._clock()
        with self._lock:
            if self._breaker.lets_through(now_s):
                self._breaker = self._breaker.asked()
                return None
            self.cost.dropped["away"] += 1
            left_s = max(0.0, self._breaker.not_before_s - now_s)
        return Dropped(reason="failed", detail=f"{self.fault}; it is asked again in {left_s:.0f} s")

    def _note(self, breaker: Breaker) -> None:
        with self._lock:
            self._breaker = breaker

    def _failed(self, error: OutsideFault) -> Dropped:
        with self._lock:
            self._breaker = self._breaker.failed(self._clock(), wish_s=error.pause_s)
            self.fault = f"system_{error.code}: {error}"
            self.cost.dropped["failed"] += 1
        log.warning("outside system %s: %s", self.name, error)
        return Dropped(reason="failed", detail=self.fault)

    def _succeeded(self, begun_s: float) -> None:
        now_s = self._clock()
        with self._lock:
            self._breaker, self.fault = Breaker(), ""
            self.cost.pictures += 1
            self.cost.busy_s += now_s - begun_s
            self.cost.batches.append(1)
            self.cost.done_at.append(now_s)
