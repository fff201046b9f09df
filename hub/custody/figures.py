"""Figures of custody for Prometheus."""

from federation.messages import Lane
from hub.custody.service import Tally
from hub.metrics import Figure


def custody_figures(tally: Tally) -> list[Figure]:
    """Return what was taken over since the program started, lane by lane."""
    figures = [
        Figure(name="acks_unsent", help="Acknowledgements without a broker", value=tally.acks_unsent, counter=True)
    ]
    for name, words, counts in (
        ("custody_rows", "Rows taken over", tally.rows),
        ("custody_repeated", "Rows that came before by another path", tally.repeated),
        ("custody_rejected", "Rows that could not be taken", tally.rejected),
        ("custody_lost", "Rows lost before they reached the hub", tally.lost),
    ):
        figures += [
            Figure(name=name, help=words, value=counts[lane], labels={"lane": lane}, counter=True) for lane in Lane
        ]
    return figures
