"""Errors of the demo.

DemoError
└── NotReady
"""


class DemoError(Exception):
    """The demo cannot go on; the message says what to do."""


class NotReady(DemoError):
    """A part did not come up in time; its log is named in the message."""
