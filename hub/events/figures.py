"""Figures of events for Prometheus."""

from hub.events.ingest import Tally
from hub.events.pictures import Pictures
from hub.metrics import Figure

QUANTILES = (0.5, 0.95)


def event_figures(tally: Tally, pictures: Pictures) -> list[Figure]:
    """Return what was taken in since the program started, and how fast."""
    figures = [
        Figure(name="events_received", help="Events stored", value=tally.events, counter=True),
        Figure(name="pictures_stored", help="Evidence pictures stored", value=pictures.stored, counter=True),
    ]
    for share in QUANTILES:
        latency_ms = tally.latency.quantile_ms(share)
        if latency_ms is not None:
            labels = {"quantile": str(share)}
            help_text = "From frame to row, in s, over the newest events"
            figures.append(Figure(name="latency_seconds", help=help_text, value=latency_ms / 1000, labels=labels))
    return figures
