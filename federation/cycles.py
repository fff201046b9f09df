"""How often Python looks for objects that hold each other in a cycle; all others go at once, when nobody holds them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS_PER_LOOK = 50_000


def look_seldom() -> None:
    """Leave alone what is there now, and look at newer objects seldom. For a process that has started.

    Where much passes through, most objects are young, many, and in no cycle: looking through them took a third of the
    time of a hub that takes events, and a quarter of that of a box that records a hundred cameras.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_PER_LOOK, 20, 20)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Look for no cycles meanwhile, and never at what was made meanwhile. For loading the modules of a process.

    They make a million objects that stay: to look through them again and again took a seventh of a process' start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
