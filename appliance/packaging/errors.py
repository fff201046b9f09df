"""Errors of `fengsui package`.

WrongCall      the call cannot be carried out
"""


class WrongCall(Exception):
    """The call cannot be carried out; the text says what to do."""
