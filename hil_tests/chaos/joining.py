"""Joins a hub in a box's place, as one of its programs, and notes the addresses by which the box finds the hub."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from federation.identity.bundle import Bundle, read_bundle
from federation.identity.enrolment import Applicant, enrol
from federation.identity.key import NodeKey
from federation.identity.member import HubIdentity, load_identity, save_identity
from federation.messages import BrokerEndpoint
from hil_tests.chaos.errors import ChaosError
from hil_tests.network.ground import Endpoint, Party

JOINED_WITHIN_S = 90.0


async def joined(
    party: Party, bundle: Bundle, *, data: Path, seen: Path, hub: Endpoint, brokers: Sequence[Endpoint]
) -> str:
    """Let the box whose `data` folder is `seen` here join by `bundle`; return the node's id."""
    identity = seen / "identity"
    identity.mkdir(mode=0o700)
    relayed = bundle.model_copy(update={"hub_url": f"https://{hub}"})
    (identity / "bundle").write_text(relayed.to_text(), encoding="utf-8")
    words = (sys.executable, "-m", __name__, str(data / "identity"), *map(str, brokers))
    process = await asyncio.create_subprocess_exec(*party.command(*words), stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(JOINED_WITHIN_S):
        _, said = await process.communicate()
    found = await asyncio.to_thread(load_identity, identity / "hub.json")
    if found is None:
        raise ChaosError(f"a box could not join: {said.decode(errors='replace')[-500:]}")
    return found.node_id


async def _join(folder: Path, brokers: tuple[BrokerEndpoint, ...]) -> None:
    key, bundle = NodeKey.open(folder / "key.pem"), read_bundle((folder / "bundle").read_bytes())
    applicant = Applicant(serial=bundle.name, profile=bundle.profile)
    member = await enrol(bundle, applicant, key, now=datetime.now(UTC))
    found: HubIdentity = member.identity.model_copy(update={"brokers": brokers})
    save_identity(folder / "hub.json", found)


if __name__ == "__main__":
    asyncio.run(_join(Path(sys.argv[1]), tuple(BrokerEndpoint.parse(text) for text in sys.argv[2:])))
