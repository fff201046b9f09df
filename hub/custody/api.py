"""The route of gaps."""

from federation.http import Access, Page, Routes
from hub.custody.model import Gap, GapQuery
from hub.custody.service import Custody
from hub.security.model import READ


def routes(custody: Custody) -> Routes:
    """Return the operations on custody."""
    part = Routes(tag="custody")

    @part.get("/api/v1/gaps", access=Access(permission=READ))
    async def list_gaps(query: GapQuery) -> Page[Gap]:
        """List what appliances lost before the hub got it, newest first."""
        return await custody.gaps(query)

    return part
