"""An argument parser whose errors are one line."""

import argparse
from typing import NoReturn

from hil_tests.chaos.errors import ChaosError


class Parser(argparse.ArgumentParser):
    """Raises ChaosError for a wrong call, where argparse would print its usage and end the program."""

    def error(self, message: str) -> NoReturn:
        """Raise ChaosError."""
        raise ChaosError(message)
