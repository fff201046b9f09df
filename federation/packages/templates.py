"""The catalogue of city algorithms 算法目录: what each looks for, where and by which rule. None has a model of its own.

It is data: `catalogue/templates.csv` and `catalogue/classes.csv`. Whether an algorithm can work is computed from the
labels of the models that are there.
"""

import csv
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from federation.packages.rules import RuleKind
from federation.packages.texts import Text

_FOLDER = Path(__file__).parent / "catalogue"


@dataclass(frozen=True, kw_only=True)
class WantedClass:
    """A kind of thing that models tell apart; `called` are the labels, brought to one spelling, that mean it."""

    name: str
    text: Text
    called: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a model can do for a template: the labels of each class that it has, and the classes it has not.

    `missing` are the groups of which it should have at least one class, and has none.
    """

    labels: Mapping[str, tuple[str, ...]]
    lacks: tuple[str, ...]
    missing: tuple[tuple[str, ...], ...]

    @property
    def works(self) -> bool:
        """Whether the template can work with the model."""
        return not self.missing


@dataclass(frozen=True, kw_only=True)
class Template:
    """An algorithm of the catalogue, to be bound to a model.

    `needs` are groups of classes, of each of which a model must have one; each of `reports` is an event of its own;
    `compares` are classes that a rule of kind `state` tells them from.
    """

    slug: str
    number: str
    name: Text
    description: Text
    category: str
    analysis: str
    rule: RuleKind
    defaults: Mapping[str, JsonValue]
    needs_region: bool
    needs: tuple[tuple[str, ...], ...]
    reports: tuple[str, ...]
    compares: tuple[str, ...]
    places: tuple[str, ...]

    @property
    def code(self) -> str:
        """The event code that gathers those of its classes."""
        return f"{self.category}/{self.slug}"

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every class that it can use."""
        grouped = [name for group in self.needs for name in group]
        return tuple(dict.fromkeys([*grouped, *self.reports, *self.compares]))

    def standing(self, labels: Collection[str]) -> Standing:
        """Return what a model with these labels can do for it."""
        known = recognised(tuple(labels))
        needed = dict.fromkeys([*self.needs, self.reports])
        return Standing(
            labels={name: known[name] for name in self.wanted if name in known},
            lacks=tuple(name for name in self.wanted if name not in known),
            missing=tuple(group for group in needed if known.keys().isdisjoint(group)),
        )


@lru_cache(maxsize=2048)
def recognised(labels: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Return the classes that these labels mean, each with its labels."""
    found: dict[str, tuple[str, ...]] = {}
    meant = _class_of_word()
    for label in labels:
        name = meant.get(spelling(label))
        if name is not None:
            found[name] = (*found.get(name, ()), label)
    return found


@cache
def _class_of_word() -> Mapping[str, str]:
    return {word: item.name for item in classes().values() for word in item.called}


def spelling(label: str) -> str:
    """Return a label in the one spelling in which labels are compared: `Traffic light` is `traffic_light`."""
    return re.sub(r"[^\w]+", "_", label.strip().lower()).strip("_")


@cache
def classes() -> Mapping[str, WantedClass]:
    """Return every class that a template names; reads the file on the first call only."""
    found = {}
    for row in _rows("classes.csv"):
        called = {row["class"], *row["called"].split("|")} - {""}
        text = Text(zh=row["zh"], en=row["en"])
        found[row["class"]] = WantedClass(
            name=row["class"], text=text, called=frozenset(spelling(word) for word in called)
        )
    return found


@cache
def templates() -> Mapping[str, Template]:
    """Return every template by its slug, in the order of the list; reads the file on the first call only."""
    return {row["slug"]: _template(row) for row in _rows("templates.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _template(row: Mapping[str, str]) -> Template:
    reports = tuple(row["reports"].split("|"))
    seen = ", ".join(classes()[name].text.en for name in reports[:6]) + (" …" if len(reports) > 6 else "")
    return Template(
        slug=row["slug"],
        number=row["no"],
        name=Text(zh=row["zh"], en=row["en"]),
        description=Text(zh=row["description_zh"], en=f"{row['en']}: reports {seen}"),
        category=row["category"],
        analysis=row["analysis"],
        rule=cast("RuleKind", row["rule"]),
        defaults=dict(_value(item) for item in row["defaults"].split()),
        needs_region=row["region"] == "yes",
        needs=tuple(tuple(group.split("|")) for group in row["needs"].split(";")),
        reports=reports,
        compares=tuple(name for name in row["compares"].split("|") if name),
        places=tuple(place for place in row["places"].split(";") if place),
    )


def _value(item: str) -> tuple[str, JsonValue]:
    name, text = item.split("=")
    if name in {"count", "snapshots", "of"}:
        return name, int(text)
    return name, float(text)
