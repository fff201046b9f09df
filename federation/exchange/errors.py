"""Errors of file exchange.

ExchangeError
├── Oversized
├── Refused
└── BadDocument
"""

from enum import StrEnum


class Refusal(StrEnum):
    """Why a file is not taken; the words go to counters, to the names of set-aside files, and to pages."""

    FOREIGN = "foreign"  # it is no parcel at all
    TOO_LARGE = "too_large"
    TRUNCATED = "truncated"  # its end is missing: it may still be on its way
    MALFORMED = "malformed"
    UNKNOWN_VERSION = "unknown_version"
    RENAMED = "renamed"  # its name is not what its header says
    WRONG_RECEIVER = "wrong_receiver"
    UNKNOWN_SENDER = "unknown_sender"
    WRONG_SIGNATURE = "wrong_signature"
    DAMAGED = "damaged"  # the bytes after the header are not those that were signed
    UNREADABLE = "unreadable"  # sealed for another key
    BOMB = "bomb"  # it unpacks to more than its limits
    REPLAYED = "replayed"  # its number was taken before


class ExchangeError(Exception):
    """Something about file exchange."""


class Oversized(ExchangeError):
    """More was put into one parcel than the other side would take."""


class Refused(ExchangeError):
    """A file is not taken, and nothing of it was used; `reason` says why in one word."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        """`detail` is one sentence for people."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class BadDocument(ExchangeError):
    """A signed document that people carried cannot be used; the text says why, and so does the stable `code`."""

    def __init__(self, code: str, detail: str) -> None:
        """`detail` is one sentence for people."""
        super().__init__(detail)
        self.code = code
