"""When a package that could not be held is tried again by itself. A pure decision; the time is handed in."""

PASSING = frozenset({"memory_short", "card_fails", "model_crashed"})
"""Reasons that may pass: memory was short, a card failed, a process ended. Others last as long as the package does."""

SOONEST_S = 10.0
"""So long it rests at least, however much becomes free."""

FIRST_S = 60.0
LONGEST_S = 3600.0


def next_try_s(reason: str, *, tries: int, tried_s: float, freed_s: float) -> float | None:
    """Return when a package that was tried `tries` times, last at `tried_s`, is tried again; None: never by itself.

    That is the later the oftener it was refused, up to an hour, but soon once something has become free, at `freed_s`:
    a model has left, or a device that failed works again. All times are seconds of one clock.
    """
    if reason.partition(":")[0] not in PASSING:
        return None
    if freed_s > tried_s:
        return tried_s + SOONEST_S
    doublings = min(tries - 1, 30)  # months of tries would overflow the float
    return tried_s + min(FIRST_S * 2.0**doublings, LONGEST_S)
