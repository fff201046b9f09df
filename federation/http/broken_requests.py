"""What is no HTTP, or breaks off: a line at most in the log, for anybody can send it at any rate, and counted."""

import logging
from collections import Counter

from aiohttp.http import HttpProcessingError

log = logging.getLogger(__name__)

NOT_HTTP = "not_http"
LEFT = "Transport is closing"
"""What asyncio says, by a RuntimeError, of a file that was on its way to somebody who has left."""


class BrokenRequests(logging.Logger):
    """The logger to give to aiohttp's server, which would tell each of them as an error with its trace.

    `refused` counts what is no HTTP under the code `not_http`. All else is logged as it is.
    """

    def __init__(self, refused: Counter[str] | None = None) -> None:
        """Count in `refused`, if anybody wants to know."""
        super().__init__(__name__, logging.DEBUG)  # what comes as the first of a connection is told as debugging
        self._refused = Counter[str]() if refused is None else refused

    def handle(self, record: logging.LogRecord) -> None:
        """Count or pass on."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            self._refused[NOT_HTTP] += 1
        if isinstance(error, HttpProcessingError | ConnectionError) or str(error) == LEFT:
            log.debug("%s: %s", record.getMessage(), str(error).partition("\n")[0][:200])
        elif log.isEnabledFor(record.levelno):
            log.handle(record)
