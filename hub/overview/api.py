"""The route of the home page's figures."""

from federation.http import Access, Routes
from hub.overview.model import Overview
from hub.overview.service import OverviewDesk
from hub.security.model import READ


def routes(desk: OverviewDesk) -> Routes:
    """Return the one operation of the overview."""
    part = Routes(tag="overview")

    @part.get("/api/v1/overview", access=Access(permission=READ))
    async def get_overview() -> Overview:
        """Count everything that the home page shows."""
        return await desk.overview()

    return part
