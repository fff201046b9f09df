"""Figures of live views for Prometheus."""

from hub.metrics import Figure
from hub.video.relays import Relays


def video_figures(relays: Relays) -> list[Figure]:
    """Return how many watch, and how many cameras are relayed to them."""
    return [
        Figure(name="video_viewers", help="Live views that are open", value=relays.viewers),
        Figure(name="video_relayed", help="Cameras that are relayed to them", value=relays.relayed),
        Figure(name="video_dropped", help="Pictures lost by slow viewers", value=relays.dropped, counter=True),
    ]
