"""Routes of the cascade."""

from federation.http import Access, Call, Routes
from hub.cascade.model import BundleText, CascadeState, RuleDraft
from hub.cascade.service import Cascade
from hub.security.audit import Actor
from hub.security.model import ADMINISTER, READ


def routes(cascade: Cascade) -> Routes:
    """Return the operations on hubs above and below."""
    part = Routes(tag="cascade")

    @part.get("/api/v1/cascade", access=Access(permission=READ))
    async def get_cascade() -> CascadeState:
        """Say which hubs stand above and below this one, and how far each has got."""
        return await cascade.state()

    @part.post("/api/v1/cascade/upper", access=Access(permission=ADMINISTER))
    async def join_upper_hub(call: Call, body: BundleText) -> CascadeState:
        """Become a node of the hub that made this bundle."""
        return await cascade.join(body, Actor.of(call))

    @part.put("/api/v1/cascade/rule", access=Access(permission=ADMINISTER))
    async def choose_for_upper_hub(call: Call, body: RuleDraft) -> CascadeState:
        """Choose which events are handed on from now on."""
        return await cascade.choose(body, Actor.of(call))

    @part.delete("/api/v1/cascade/upper", access=Access(permission=ADMINISTER), status=204)
    async def leave_upper_hub(call: Call) -> None:
        """Be no node of the upper hub any more; its operator removes the node there."""
        await cascade.leave(Actor.of(call))

    return part
