"""Asks nodes after a silent neighbour, and gathers what they answer in time."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from federation import topics
from federation.bus import BusError
from federation.messages import Ask, WitnessAnswer, new_id
from hub.fleet.link import Incoming, Link
from hub.fleet.liveness import Findings, Summons, findings_of

log = logging.getLogger(__name__)

PROBE_WITHIN_S = 3.0
ANSWER_WITHIN_S = 6.0


@dataclass(kw_only=True)
class _Question:
    about: str
    asked: Mapping[str, str]  # by witness, the id of what it was asked
    answers: dict[str, bool] = field(default_factory=dict)
    complete: asyncio.Event = field(default_factory=asyncio.Event)


class Witnesses:
    """Questions that are open. `unasked` counts answers that nobody had asked for, or that came too late."""

    def __init__(self, link: Link) -> None:
        """Listen for answers on `link`."""
        self.unasked = 0
        self.asked = 0
        self._link = link
        self._open: dict[str, _Question] = {}
        link.handle(["u/answer"], self._take)

    async def examine(self, about: str, summons: Summons) -> Findings:
        """Return what the witnesses say of the node `about`, within `ANSWER_WITHIN_S` seconds."""
        if summons.obstacle is not None:
            return Findings(obstacle=summons.obstacle)
        question = _Question(about=about, asked={witness: new_id() for witness in summons.witnesses})
        for witness, ask_id in question.asked.items():
            self._open[ask_id] = question
            self._ask(witness, Ask(id=ask_id, about=about, urls=summons.urls[witness], within_s=PROBE_WITHIN_S))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await question.complete.wait()
        except TimeoutError:
            log.info("not every witness answered after node %s", about)
        finally:
            for ask_id in question.asked.values():
                self._open.pop(ask_id, None)
        return findings_of(summons.witnesses, question.answers)

    def _ask(self, witness: str, ask: Ask) -> None:
        self.asked += 1
        try:
            self._link.publish(topics.ask(witness), ask.to_bytes())
        except BusError as error:
            log.info("witness %s cannot be asked: %s", witness, type(error).__name__)

    async def _take(self, run: Sequence[Incoming]) -> None:
        for incoming in run:
            testimony = self._link.read(WitnessAnswer, incoming)
            if testimony is not None:
                self._hear(incoming.node_id, testimony)

    def _hear(self, witness: str, testimony: WitnessAnswer) -> None:
        question = self._open.get(testimony.ask_id)
        if question is None or question.asked.get(witness) != testimony.ask_id or question.about != testimony.about:
            self.unasked += 1
            log.warning("node %s testifies of %s without having been asked", witness, testimony.about)
            return
        question.answers.setdefault(witness, testimony.reached)
        log.info("witness %s of node %s: reached=%s %s", witness, question.about, testimony.reached, testimony.detail)
        if question.answers.keys() >= question.asked.keys():
            question.complete.set()
