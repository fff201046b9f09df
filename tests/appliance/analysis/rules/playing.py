"""Plays made-up detections, one picture a second, to a rule."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue

from appliance.analysis.finding import Finding
from appliance.analysis.rules import Ruling, Seen, Zone, rules_of, values_of
from federation.messages import Box, Detection
from federation.packages import Manifest

START = datetime(2026, 1, 1, tzinfo=UTC)
LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
EVERYWHERE = Zone()


def thing(x: float = 0.2, y: float = 0.5, *, label: str = "person", score: float = 0.9, size: float = 0.1) -> Detection:
    """Return a detection of a square whose foot is at (x, y)."""
    box = Box(x=round(x - size / 2, 6), y=round(y - size, 6), width=size, height=size)
    return Detection(label=label, score=score, box=box)


def ruling(kind: str, *, zone: Zone = EVERYWHERE, partners: Sequence[str] = (), **given: JsonValue) -> Ruling:
    """Return the rule of kind `kind` for persons, with the parameters `given`."""
    manifest = Manifest.model_validate(
        {
            "apiVersion": "algpkg/1",
            "kind": "algorithm",
            "id": "test.rule",
            "version": "1.0.0",
            "name": {"zh": "测", "en": "T"},
            "description": {"zh": "测", "en": "T"},
            "vendor": {"id": "test", "name": {"zh": "测", "en": "T"}},
            "runtime": {"platforms": [{"backend": "opencv"}]},
            "labels": ["person", "car", "bag"],
            "rule": {"kind": kind, "partners": partners},
            "events": [{"code": "test/person", "name": {"zh": "测", "en": "T"}, "when": {"labels": ["person"]}}],
            "licence": {"software": "NOASSERTION"},
        }
    )
    return Ruling(rules_of(manifest, values_of(manifest, given), zone))


def play(rule: Ruling, pictures: Iterable[Any], *, every_s: float = 1.0) -> list[tuple[float, Finding]]:
    """Show detections, or a ready `Seen` made by its time, every so often; return the findings with their second."""
    found: list[tuple[float, Finding]] = []
    for number, shown in enumerate(pictures):
        second = number * every_s
        at = START + timedelta(seconds=second)
        seen = shown(at) if callable(shown) else Seen(at=at, detections=tuple(shown))
        found += [(second, finding) for finding in rule.judge(seen)]
    return found


def seconds(found: list[tuple[float, Finding]]) -> list[float]:
    """Return when something was found."""
    return [second for second, _ in found]
