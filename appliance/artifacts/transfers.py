"""All artifacts that are wanted on this box: brings those that are missing, and tells how far each has come."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from appliance.artifacts.holdings import SPARE_VERSIONS, Holdings
from appliance.artifacts.neighbours import Neighbourly, Nobody
from appliance.artifacts.progress import Progress, Wanted
from appliance.artifacts.sources import Source
from appliance.artifacts.transfer import Patience, Transfer
from federation.artifacts.choosing import expendable
from federation.crypto import PublicKey
from federation.messages import ArtifactReport

log = logging.getLogger(__name__)

TELL_EVERY_S = 2.0
RESTART_PAUSE_S = 15.0


@dataclass(kw_only=True)
class Transfers:
    """Keeps this box in possession of what `wanted` says; `key` is that by which the hub signs now.

    `arrived` is awaited after each artifact that came. `tell` gets the reports of all wanted artifacts when one
    changes, and every two seconds while some are on their way.
    """

    holdings: Holdings
    hub: Source
    key: Callable[[], PublicKey]
    profile: str
    at_once: int
    wanted: Callable[[], tuple[Wanted, ...]]
    arrived: Callable[[], Awaitable[None]]
    tell: Callable[[tuple[ArtifactReport, ...]], None]
    node_id: str = ""
    neighbours: Neighbourly = field(default_factory=Nobody)
    patience: Patience = field(default_factory=Patience)
    _under_way: dict[str, tuple[Progress, asyncio.Task[None]]] = field(default_factory=dict)
    _come: dict[str, ArtifactReport] = field(default_factory=dict)
    _whole: frozenset[str] = frozenset()
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Say that something else may be wanted."""
        self._woken.set()

    async def run(self) -> None:
        """Bring what is wanted until cancelled."""
        slots = asyncio.Semaphore(self.at_once)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._woken.clear()
                    await self._look()
                    self._reconcile(group, slots)
                    self.tell(self.reports())
                    await self._rest()
        finally:
            self._under_way.clear()

    def reports(self) -> tuple[ArtifactReport, ...]:
        """Return how far every wanted artifact has come."""
        return tuple(self._report(wanted) for wanted in self.wanted())

    def _report(self, wanted: Wanted) -> ArtifactReport:
        if wanted.digest in self._under_way:
            return self._under_way[wanted.digest][0].report()
        if wanted.digest in self._whole:
            return self._come.get(wanted.digest) or wanted.held()
        return Progress(wanted=wanted).report()

    async def _look(self) -> None:
        wanted = {item.digest for item in self.wanted()}
        noting = asyncio.get_running_loop().run_in_executor(None, self.holdings.note_wanted, wanted)
        try:
            await asyncio.shield(noting)
        except asyncio.CancelledError:
            await noting  # or it would take from who begins after us what is on its way there
            raise
        self._whole = frozenset(await asyncio.to_thread(self.holdings.whole))

    def _reconcile(self, group: asyncio.TaskGroup, slots: asyncio.Semaphore) -> None:
        wishes = {item.digest: item for item in self.wanted()}
        for digest in self._under_way.keys() - wishes.keys():
            self._under_way[digest][1].cancel()
        for digest, wanted in wishes.items():
            if digest not in self._under_way and digest not in self._whole:
                progress = Progress(wanted=wanted)
                task = group.create_task(self._bring(progress, slots), name=f"artifact {digest[:19]}")
                self._under_way[digest] = (progress, task)

    async def _rest(self) -> None:
        """Wait until there is something to do or to tell."""
        on_the_way = bool(self._under_way)
        try:
            async with asyncio.timeout(TELL_EVERY_S if on_the_way else None):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _bring(self, progress: Progress, slots: asyncio.Semaphore) -> None:
        transfer = Transfer(
            progress=progress,
            profile=self.profile,
            holdings=self.holdings,
            hub=self.hub,
            key=self.key,
            slots=slots,
            make_room=self._make_room,
            changed=self.wake,
            node_id=self.node_id,
            neighbours=self.neighbours,
            patience=self.patience,
        )
        digest = progress.wanted.digest
        try:
            await transfer.run()
            log.info("artifact %s of %s is here", digest[:19], progress.wanted.name)
            self._come[digest] = progress.report()
            self._whole |= {digest}  # or it would be told as waiting until the folder is looked at again
            await asyncio.to_thread(self._prune, SPARE_VERSIONS)
            await self.arrived()
        except Exception:  # a supervisor: the next round begins it again, and the others go on
            log.exception("artifact %s failed; it starts again", digest[:19])
            await asyncio.sleep(RESTART_PAUSE_S)
        finally:
            self._under_way.pop(digest, None)
            self.wake()

    async def _make_room(self, lacking_bytes: int) -> None:
        await asyncio.to_thread(self._prune, 0, lacking_bytes)

    def _prune(self, spare: int, lacking_bytes: int | None = None) -> None:
        """Remove what nobody wants, beyond `spare` of them, or until so many bytes are free."""
        wanted = {item.digest: item for item in self.wanted()}
        coming = [item for digest, item in wanted.items() if digest in self._under_way]
        bases = {(item.kind, item.name) for item in coming}
        old = expendable(self.holdings.kept(), wanted=wanted, bases=bases)
        for item in old[: max(0, len(old) - spare)]:
            if lacking_bytes is not None and lacking_bytes <= 0:
                return
            log.info("artifact %s of %s is removed: nobody wants it", item.digest[:19], item.name)
            self.holdings.remove(item.digest)
            lacking_bytes = None if lacking_bytes is None else lacking_bytes - item.size_bytes
