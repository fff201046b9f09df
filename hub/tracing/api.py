"""The route of the chain."""

from federation.http import Access, Routes
from hub.security.model import READ
from hub.tracing.model import Chain
from hub.tracing.service import Tracer


def routes(tracer: Tracer) -> Routes:
    """Return the one operation of the chain."""
    part = Routes(tag="tracing")

    @part.get("/api/v1/chain", access=Access(permission=READ))
    async def get_chain() -> Chain:
        """Give the rates of the last hour along the whole chain, and the backlog of every box."""
        return tracer.chain()

    return part
