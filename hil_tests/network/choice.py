"""Which ground a run stands on: namespaces where they are permitted, relays elsewhere."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from hil_tests.network.cell import why_not
from hil_tests.network.errors import NetworkError
from hil_tests.network.ground import Ground
from hil_tests.network.namespaced import namespaced_ground
from hil_tests.network.relayed import relayed_ground

NAMESPACES, RELAY = GROUNDS = ("namespaces", "relay")


@asynccontextmanager
async def chosen_ground(wanted: str | None, say: Callable[[str], None]) -> AsyncIterator[Ground]:
    """Give the wanted ground, or the best that there is; raise NetworkError if the wanted one cannot be made."""
    reason = "" if wanted == RELAY else await why_not()
    if wanted == NAMESPACES and reason:
        raise NetworkError(f"network namespaces cannot be made: {reason}")
    if reason:
        say(f"network namespaces cannot be made ({reason}): every link is relayed instead")
    ground = relayed_ground() if wanted == RELAY or reason else namespaced_ground()
    async with ground as made:
        yield made
