"""The route of how busy a node is."""

from federation.http import Access, Routes
from federation.http.problem import not_found
from hub.fleet.roster import Roster
from hub.monitoring.model import HistoryQuery, NodeMetrics
from hub.monitoring.service import Monitor
from hub.security.model import READ


def routes(monitor: Monitor, roster: Roster) -> Routes:
    """Return the one operation of monitoring."""
    part = Routes(tag="monitoring")

    @part.get("/api/v1/nodes/{node_id}/metrics", access=Access(permission=READ))
    async def get_node_metrics(node_id: str, query: HistoryQuery) -> NodeMetrics:
        """Give how busy a node is now, and how busy it was in the last hours."""
        if roster.get(node_id) is None:
            raise not_found("node", node_id)
        return await monitor.of_node(node_id, query.hours)

    return part
