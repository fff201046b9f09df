"""The settled parameters of one task."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from federation.packages.rule_parameters import PARAMETERS


@dataclass(frozen=True)
class Values:
    """The settled parameters of one task; what the kind of rule does not have stands at its usual value."""

    given: Mapping[str, JsonValue]

    def number(self, name: str) -> float:
        """Return a number; ValueError for anything else."""
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            msg = f"{name} must be a number"
            raise ValueError(msg)  # noqa: TRY004 - a value of the wrong type is a wrong value to who gave it
        return float(value)

    def holds(self, name: str) -> bool:
        """Return a switch."""
        return self._value(name) is True

    def text(self, name: str) -> str:
        """Return a choice."""
        return str(self._value(name))

    def _value(self, name: str) -> JsonValue:
        return self.given[name] if name in self.given else PARAMETERS[name].default
