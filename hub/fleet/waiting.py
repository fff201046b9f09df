"""The boxes on the local network that wait for a hub, as multicast DNS tells of them; nothing of it is believed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from federation.discovery import DiscoveryError, Service, open_mdns
from federation.identity.claim import KIND, PROPERTIES
from federation.identity.key import FINGERPRINT_PATTERN
from hub.fleet.model import WaitingBox
from hub.fleet.roster import Roster, utc_now

MOST_BOXES = 256
LOOK_EVERY_S = 3600.0


@dataclass(kw_only=True)
class Waiting:
    """Watches the network of `interfaces` (none: all) while `run` runs, if `enabled`; `fault` says why it cannot."""

    roster: Roster
    enabled: bool
    interfaces: Sequence[str]
    fault: str = field(default="", init=False)
    _seen: dict[str, tuple[datetime, Service]] = field(default_factory=dict, init=False)

    async def run(self) -> None:
        """Keep the list until cancelled."""
        if not self.enabled:
            return
        try:
            async with (
                open_mdns(interfaces=self.interfaces) as mdns,
                mdns.browse(KIND, required=PROPERTIES, limit=MOST_BOXES) as browsing,
            ):
                self.fault = ""
                while True:
                    seen = browsing.changes
                    self._take(browsing.services)
                    await browsing.changed(seen, within_s=LOOK_EVERY_S)
        except DiscoveryError as error:
            self.fault = str(error)
            raise
        finally:
            self._seen = {}

    def boxes(self) -> tuple[WaitingBox, ...]:
        """Return the boxes that wait, the newest first; those that have joined this hub are left out."""
        known = {node.key_fingerprint for node in self.roster.all() if node.revoked_at is None}
        shown = [_shown(since, service) for since, service in self._seen.values()]
        waiting = [box for box in shown if box is not None and box.fingerprint not in known]
        return tuple(sorted(waiting, key=lambda box: box.since, reverse=True))

    def _take(self, services: Sequence[Service]) -> None:
        now = utc_now()
        self._seen = {service.name: (self._seen.get(service.name, (now, service))[0], service) for service in services}


def _shown(since: datetime, service: Service) -> WaitingBox | None:
    told = service.properties
    if not re.fullmatch(FINGERPRINT_PATTERN, told["key"]):
        return None
    try:
        return WaitingBox(
            serial=told["serial"],
            profile=told["profile"],
            software=told.get("software", ""),
            fingerprint=told["key"],
            urls=tuple(f"https://{_in_url(address)}:{service.port}" for address in service.addresses),
            since=since,
        )
    except ValidationError:
        return None


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
