"""How this box joins a hub: by a bundle that lies on a stick, was uploaded, or came by a claim."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from federation.identity.bundle import Bundle, find_bundles, read_bundle
from federation.identity.enrolment import Applicant, enrol
from federation.identity.errors import BundleUnusable, EnrolmentFailed, EnrolmentRefused
from federation.identity.key import NodeKey
from federation.identity.member import Member
from federation.private_files import write_private
from federation.uplink.changes import Changes

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
LONGEST_PAUSE_S = 60.0  # an installer stands before the box


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The bundle that is being tried, or was refused: `code` and `reason` say why it has not let us in yet."""

    bundle: Bundle
    failures: int = 0
    refused: bool = False
    code: str = ""
    reason: str = ""

    @property
    def pause_s(self) -> float:
        """How long to wait before the next try, in seconds."""
        return min(LONGEST_PAUSE_S, 2.0 ** min(self.failures - 1, 16))


class Joining:
    """Tries bundles until one lets the box in; a bundle that was refused is not tried again."""

    def __init__(self, *, pending_file: Path, stick: Path | None, profile: str) -> None:
        """Keep the bundle that is being tried in `pending_file`; look for others in the folder `stick`."""
        self.attempt: Attempt | None = None
        self._pending_file = pending_file
        self._stick = stick
        self._profile = profile
        self._refused: set[str] = set()
        self._changes = Changes()
        self._outcomes = Changes()

    async def outcome(self, bundle: Bundle, *, within_s: float) -> Attempt | None:
        """Try this bundle, and return what the first try came to: None if it has let the box in."""
        seen = self._outcomes.count
        await self.take(bundle)
        await self._outcomes.beyond(seen, within_s=within_s)
        attempt = self.attempt
        return attempt if attempt is not None and attempt.bundle == bundle else None

    async def take(self, bundle: Bundle) -> None:
        """Try this bundle from now on, in the place of any other; it outlives a restart."""
        await asyncio.to_thread(write_private, self._pending_file, bundle.to_text())
        self._refused.discard(_mark(bundle))
        self.attempt = Attempt(bundle=bundle)
        self._changes.note()

    async def run(
        self,
        key: NodeKey,
        applicant: Callable[[], Applicant],
        joined: Callable[[Member], Awaitable[None]],
        *,
        enrolled: Callable[[], bool],
    ) -> None:
        """Join, whenever there is a bundle, until cancelled; sticks are looked at only until the box has `enrolled`."""
        while True:
            seen = self._changes.count
            bundle = await asyncio.to_thread(self._next, on_stick=not enrolled())
            pause_s = LOOK_EVERY_S if bundle is None else await self._try(bundle, key, applicant(), joined)
            await self._changes.beyond(seen, within_s=pause_s)

    async def _try(
        self, bundle: Bundle, key: NodeKey, applicant: Applicant, joined: Callable[[Member], Awaitable[None]]
    ) -> float:
        """Try once; return the pause after it, in seconds."""
        if self.attempt is None or self.attempt.bundle != bundle:
            self.attempt = Attempt(bundle=bundle)
        tried = self.attempt
        try:
            await joined(await enrol(bundle, applicant, key, now=datetime.now(UTC)))
        except EnrolmentFailed as error:
            refused = isinstance(error, EnrolmentRefused)
            log.warning("not joined: %s", error)
            failed = replace(tried, failures=tried.failures + 1, refused=refused, code=error.code, reason=str(error))
            if self.attempt is tried:  # no other bundle was given meanwhile
                self.attempt = failed
            if refused:
                await self._done_with(bundle)
            self._outcomes.note()
            return failed.pause_s
        if self.attempt is tried:
            self.attempt = None
        await self._done_with(bundle)
        self._outcomes.note()
        return LOOK_EVERY_S

    async def _done_with(self, bundle: Bundle) -> None:
        self._refused.add(_mark(bundle))
        if await asyncio.to_thread(_read, self._pending_file) == bundle:
            await asyncio.to_thread(self._pending_file.unlink, missing_ok=True)

    def _next(self, *, on_stick: bool) -> Bundle | None:
        pending = _read(self._pending_file)
        if pending is not None:
            return pending
        if not on_stick or self._stick is None:
            return None
        found = find_bundles(self._stick, profile=self._profile)
        return next((bundle for bundle in found if _mark(bundle) not in self._refused), None)


def _read(path: Path) -> Bundle | None:
    try:
        return read_bundle(path.read_bytes())
    except (OSError, BundleUnusable):
        return None


def _mark(bundle: Bundle) -> str:
    return hashlib.sha256(bundle.token.encode()).hexdigest()
