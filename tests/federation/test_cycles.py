"""How often programs look for objects that hold each other."""

import subprocess
import sys

LOADING = """
import gc
from federation.cycles import undisturbed

with undisturbed():
    looking = gc.isenabled()
    loaded = [[] for _ in range(1000)]
print(looking, gc.isenabled(), gc.get_freeze_count() > 1000)
"""


def test_what_a_program_loads_is_not_looked_through_then_or_ever_and_what_comes_later_is() -> None:
    # in a process of its own: what is left alone here would be left alone in every later test
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.split() == ["False", "True", "True"]
