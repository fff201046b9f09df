"""What a model has cost so far, and each of its parts."""

from collections import Counter, deque
from dataclasses import dataclass, field

from appliance.analysis.engine.looking import Ledger

RECENT = 256


@dataclass(kw_only=True)
class Cost:
    """Times are in seconds; `batches` are the sizes of the newest.

    `dropped` counts, by reason, what the model was handed and could not look at for a reason that passes. `plain` says
    why a model of a card does not run by TensorRT though it is here, and `gave_up` how often it went back to CUDA.
    """

    pictures: int = 0
    busy_s: float = 0.0
    restarts: int = 0
    memory_bytes: int = 0
    card_bytes: int = 0
    provider: str = ""
    plain: str = ""
    gave_up: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    batches: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))
    done_at: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    parts: Ledger = field(default_factory=Ledger)
