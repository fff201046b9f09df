"""One artifact on its way to this box: manifest, room, what an older version has, then chunks until it is whole."""

import asyncio
import errno
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from appliance.artifacts.holdings import Holdings
from appliance.artifacts.neighbours import Neighbourly, Nobody
from appliance.artifacts.part import Part
from appliance.artifacts.progress import Progress
from appliance.artifacts.sources import HUB, Source
from appliance.errors import SourceFailed
from federation.artifacts import ArtifactManifest, Bitmap, SignedManifest
from federation.artifacts.choosing import TURN_S, hub_after_s, next_chunk, reusable, space_lacking_bytes
from federation.crypto import PublicKey
from federation.messages import ArtifactState

log = logging.getLogger(__name__)

HUB_CONNECTIONS = 2
MOST_NEIGHBOURS = 4


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a transfer waits: at its start, after failures in a row (doubled, by chance halved), and for room.

    `turn_s` is how much longer than the box before it each box of a network waits until it asks the hub. Who has
    nothing to ask for looks again once a chunk came, and at the latest after `look_again_s`.
    """

    start_within_s: float = 2.0  # boxes that are told at one moment do not ask at one moment
    first_pause_s: float = 2.0
    longest_pause_s: float = 60.0
    space_pause_s: float = 15.0
    turn_s: float = TURN_S
    look_again_s: float = 2.0

    def pause_s(self, failures: int, chance: random.Random) -> float:
        """Return the pause after so many failures in a row, in seconds."""
        longest = min(self.longest_pause_s, self.first_pause_s * 2.0 ** min(failures - 1, 16))
        return chance.uniform(longest / 2, longest)


@dataclass(kw_only=True)
class Transfer:
    """Brings one artifact.

    `key` is that by which the hub signs now. `make_room` is asked for bytes before it begins, `slots` bound how many
    come at once.
    """

    progress: Progress
    profile: str
    holdings: Holdings
    hub: Source
    key: Callable[[], PublicKey]
    slots: asyncio.Semaphore
    make_room: Callable[[int], Awaitable[None]]
    changed: Callable[[], None]
    node_id: str = ""
    neighbours: Neighbourly = field(default_factory=Nobody)
    patience: Patience = field(default_factory=Patience)
    chance: random.Random = field(default_factory=random.SystemRandom)
    _busy: set[int] = field(default_factory=set)
    _offers: dict[str, Bitmap] = field(default_factory=dict)
    _neighbours_gave_s: float = 0.0
    _stored: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Return once the artifact is here; what fails is tried again for ever, after a pause."""
        await asyncio.sleep(self.chance.uniform(0, self.patience.start_within_s))
        signed = await self._manifest()
        manifest = signed.manifest
        await self._wait_for_profile(manifest)
        while True:
            await self._wait_for_room(manifest)
            async with self.slots:
                try:
                    if await self._bring(signed):
                        return
                except OSError as error:
                    self._wait(f"disk_error: {error.strerror}" if error.errno != errno.ENOSPC else "no_space")
                    log.warning("artifact %s: %s", manifest.digest[:19], error.strerror)
            await asyncio.sleep(self.chance.uniform(0, self.patience.space_pause_s))

    async def _manifest(self) -> SignedManifest:
        digest, failures = self.progress.wanted.digest, 0
        found = await asyncio.to_thread(self.holdings.signed, digest)
        while found is None:
            try:
                found = await self._asked_manifest(digest)
            except SourceFailed as error:
                failures += 1
                self._wait(f"{error.code}: {error}")
                await asyncio.sleep(self.patience.pause_s(failures, self.chance))
        return found

    async def _asked_manifest(self, digest: str) -> SignedManifest:
        """Return the manifest from the hub, or while that fails, from a neighbour: it is signed all the same."""
        try:
            return await self.hub.manifest(digest, self.key())
        except SourceFailed:
            async with self.neighbours.leased() as source:
                if source is None:
                    raise
                return await source.manifest(digest, self.key())

    async def _wait_for_profile(self, manifest: ArtifactManifest) -> None:
        if manifest.profiles and self.profile not in manifest.profiles:
            self._wait(f"wrong_profile: {', '.join(manifest.profiles)}")
            await asyncio.Event().wait()  # until nobody wants it here any more

    async def _wait_for_room(self, manifest: ArtifactManifest) -> None:
        while lacking := await asyncio.to_thread(self._lacking_bytes, manifest):
            await self.make_room(lacking)
            lacking = await asyncio.to_thread(self._lacking_bytes, manifest)
            if not lacking:
                break
            self._wait("no_space", lacking_bytes=lacking)
            await asyncio.sleep(self.patience.space_pause_s)
        self._wait("queued")

    def _lacking_bytes(self, manifest: ArtifactManifest) -> int:
        return space_lacking_bytes(
            size_bytes=manifest.size_bytes,
            held_bytes=self.holdings.held_bytes(manifest.digest),
            free_bytes=self.holdings.free_bytes(),
        )

    async def _bring(self, signed: SignedManifest) -> bool:
        """Complete the artifact and give it its place; False if it has to be tried again."""
        manifest = signed.manifest
        part = await asyncio.to_thread(self.holdings.begin, signed)
        try:
            self._note(part)
            await self._reuse(part)
            await self._fetch(part)
            self._enter(ArtifactState.CHECKING)
            if not await asyncio.to_thread(part.is_sound):
                log.error("artifact %s was damaged on the disk; its bad chunks come again", manifest.digest[:19])
                self._note(part)
                return False
            await asyncio.to_thread(part.move_to, self.holdings.place(manifest.digest))
            self._enter(ArtifactState.HELD)
            return True
        finally:
            await asyncio.to_thread(part.close)

    async def _reuse(self, part: Part) -> None:
        manifest = part.manifest
        bases = await asyncio.to_thread(self._bases, manifest)
        for index, (digest, there) in reusable(manifest, bases.values()).items():
            if not part.bitmap.has(index):
                copied = await asyncio.to_thread(self._copy, part, index, bases[digest], there)
                self.progress.reused_bytes += copied
                self._note(part)

    def _bases(self, manifest: ArtifactManifest) -> dict[str, ArtifactManifest]:
        found = (self.holdings.manifest(digest) for digest in self.holdings.whole())
        return {
            base.digest: base for base in found if base and (base.kind, base.name) == (manifest.kind, manifest.name)
        }

    def _copy(self, part: Part, index: int, base: ArtifactManifest, there: int) -> int:
        """Take a chunk from an older version; return its length, 0 if it is no longer what it was."""
        with suppress(FileNotFoundError), self.holdings.place(base.digest).open("rb") as file:
            file.seek(base.offset_bytes(there))
            content = file.read(base.length_bytes(there))
            if part.manifest.accepts(index, content):
                part.write(index, content)
                return len(content)
        return 0

    async def _fetch(self, part: Part) -> None:
        self._enter(ArtifactState.FETCHING)
        self._neighbours_gave_s = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(HUB_CONNECTIONS):
                    group.create_task(self._from_hub(part), name=f"artifact from hub {number}")
                for number in range(MOST_NEIGHBOURS):
                    group.create_task(self._from_neighbours(part), name=f"artifact from neighbours {number}")
        except* OSError as failures:
            raise _first(failures) from failures

    async def _from_hub(self, part: Part) -> None:
        failures = 0
        while not part.bitmap.is_full:
            index = await self._next_from_hub(part)
            if index is None:
                await self._until_stored(part)
                continue
            try:
                await self._take(part, index, self.hub)
                failures = 0
            except SourceFailed as error:
                failures += 1
                self._wait(f"{error.code}: {error}")
                await asyncio.sleep(self.patience.pause_s(failures, self.chance))

    async def _next_from_hub(self, part: Part) -> int | None:
        """Return what to ask the hub for now: nothing that neighbours have, and nothing before it is our turn."""
        turn_s = hub_after_s(self.node_id, self.neighbours.names, part.manifest.digest, turn_s=self.patience.turn_s)
        closed = await self.hub.is_closed()
        if closed or time.monotonic() < self._neighbours_gave_s + turn_s:
            if not self.progress.sources:
                self._wait("bandwidth_window" if closed else "turn")
            return None
        return next_chunk(
            part.bitmap, busy=self._busy, offered=None, elsewhere=tuple(self._offers.values()), chance=self.chance
        )

    async def _from_neighbours(self, part: Part) -> None:
        while not part.bitmap.is_full:
            try:
                async with self.neighbours.leased() as source:
                    if source is not None:
                        await self._empty(part, source)
            except SourceFailed as error:
                log.info("artifact %s: %s", part.manifest.digest[:19], error)
            await self._until_stored(part)

    async def _empty(self, part: Part, source: Source) -> None:
        """Take from a neighbour what it has and we lack."""
        offered = self._offers[source.name] = await source.held(part.manifest)
        try:
            while True:
                index = next_chunk(part.bitmap, busy=self._busy, offered=offered, elsewhere=(), chance=self.chance)
                if index is None:
                    return
                await self._take(part, index, source)
                self._neighbours_gave_s = time.monotonic()
        finally:
            del self._offers[source.name]

    async def _take(self, part: Part, index: int, source: Source) -> None:
        self._busy.add(index)
        self.progress.sources.append(source.name)
        try:
            content = await source.chunk(part.manifest, index, received=self.progress.speed.note)
            await asyncio.to_thread(part.write, index, content)
        finally:
            self._busy.discard(index)
            self.progress.sources.remove(source.name)
            self._stored.set()
        if source.name == HUB:
            self.progress.hub_bytes += len(content)
        else:
            self.progress.neighbour_bytes += len(content)
        self._enter(ArtifactState.FETCHING)
        self._note(part)

    async def _until_stored(self, part: Part) -> None:
        """Wait until a chunk was stored or given up, or a moment; not at all once there is nothing to wait for."""
        if part.bitmap.is_full:
            return
        self._stored.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience.look_again_s):
                await self._stored.wait()

    def _enter(self, state: ArtifactState) -> None:
        if self.progress.state is not state or self.progress.reason:
            self.progress.state, self.progress.reason, self.progress.lacking_bytes = state, "", 0
            self.changed()

    def _wait(self, reason: str, *, lacking_bytes: int = 0) -> None:
        self._enter(ArtifactState.WAITING)
        self.progress.reason, self.progress.lacking_bytes = reason, lacking_bytes
        self.changed()

    def _note(self, part: Part) -> None:
        self.progress.held_bytes = part.held_bytes


def _first(group: BaseExceptionGroup[OSError]) -> OSError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
