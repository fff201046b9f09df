"""The vision process asked about the pictures of tasks, with patience: it may be starting, or loading a model."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.agent.state import AgentState
from appliance.errors import ProcessAway
from appliance.local.vision_client import CannotRead, NotLoaded, VisionClient
from appliance.panel.models.model import JobPlan
from federation.http import Problem
from federation.messages import PlanAlgorithm
from federation.viewing.pictures import PictureVerdict

PAUSE_S = 2.0
PATIENCE_S = 120.0


def is_loaded(state: AgentState, algorithm: PlanAlgorithm) -> bool:
    """Tell whether a model of an algorithm can look at pictures now."""
    name = f"{algorithm.algorithm_id} {algorithm.version}"
    return any(name in model.packages for model in state.engine.models)


def is_wanted(state: AgentState, algorithm: PlanAlgorithm) -> bool:
    """Tell whether the hub wants the package of an algorithm on this box: it is here, or on its way."""
    wanted = state.wishes.work.packages if state.wishes.work else ()
    key = (algorithm.algorithm_id, algorithm.version)
    return any(key == (each.algorithm_id, each.version) for each in wanted if each.digest is not None)


@dataclass(frozen=True, kw_only=True)
class Looker:
    """`is_wanted` tells whether this box is to hold an algorithm and version, which is then awaited."""

    vision: VisionClient
    is_wanted: Callable[[tuple[str, str]], bool]
    pause_s: float = PAUSE_S
    patience_s: float = PATIENCE_S

    async def look(self, content: bytes, plan: JobPlan) -> PictureVerdict:
        """Return what is seen in a picture, or why it cannot be read; raise Problem if nobody looks at it."""
        until_s = time.monotonic() + self.patience_s
        while True:
            try:
                found = await self.vision.look(content, *plan.package, person=False)
            except CannotRead as error:
                return PictureVerdict(fault=str(error)[:300])
            except ProcessAway:
                await self._wait(until_s, plan, is_away=True)
                continue
            if found is not None:
                return found
            await self._wait(until_s, plan, is_away=False)

    async def film(self, path: Path, plan: JobPlan, after_s: float | None) -> AsyncGenerator[PictureVerdict]:
        """Yield what is seen in pictures of a film after `after_s`; raise Problem if nobody looks at it."""
        until_s = time.monotonic() + self.patience_s
        while True:
            try:
                async for verdict in self.vision.film(path, *plan.package, every_s=plan.every_s, after_s=after_s):
                    until_s, after_s = time.monotonic() + self.patience_s, verdict.at_s
                    yield verdict
            except ProcessAway:
                await self._wait(until_s, plan, is_away=True)
            except NotLoaded:
                await self._wait(until_s, plan, is_away=False)
            else:
                return

    async def _wait(self, until_s: float, plan: JobPlan, *, is_away: bool) -> None:
        """Wait a little; raise Problem when that makes no sense any more."""
        is_late = time.monotonic() > until_s
        if is_away and is_late:
            raise Problem(503, "process_away", "The vision process did not come back.")
        if not is_away and (is_late or not self.is_wanted(plan.package)):
            raise Problem(409, "not_loaded", f"No model of {plan.algorithm_id} {plan.version} is loaded here.")
        await asyncio.sleep(self.pause_s)
