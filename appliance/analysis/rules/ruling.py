"""The rules of one task with their states: the only place where a state is replaced by the next."""

from collections.abc import Sequence
from typing import Any, Generic

from appliance.analysis.finding import Finding
from appliance.analysis.rules.seen import Rule, Seen, State


class _Standing(Generic[State]):
    def __init__(self, rule: Rule[State]) -> None:
        self._rule = rule
        self._state = rule.begin()

    def judge(self, seen: Seen) -> tuple[Finding, ...]:
        self._state, findings = self._rule.step(self._state, seen)
        return findings


class Ruling:
    """Applies every rule of a task to every picture, in order of time."""

    def __init__(self, rules: Sequence[Rule[Any]]) -> None:
        """Begin every rule."""
        self._standing = tuple(_Standing(rule) for rule in rules)

    def judge(self, seen: Seen) -> list[Finding]:
        """Return what is to be reported of a picture."""
        return [finding for standing in self._standing for finding in standing.judge(seen)]
