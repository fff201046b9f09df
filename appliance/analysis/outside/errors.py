"""Errors of outside systems.

OutsideFault   the system does not answer as it should; `code` says in which way
"""

from typing import Literal

FaultCode = Literal["away", "refuses", "unknown", "answer"]


class OutsideFault(Exception):
    """The system does not answer (`away`), lets nobody in (`refuses`), has no such algorithm, or answers otherwise.

    `pause_s` is for how long it wants to be left alone, 0 where it does not say.
    """

    def __init__(self, code: FaultCode, text: str, *, pause_s: float = 0.0) -> None:
        """Keep the code and the pause beside the words."""
        super().__init__(text)
        self.code: FaultCode = code
        self.pause_s = pause_s
