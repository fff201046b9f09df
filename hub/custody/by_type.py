"""One lane for several parts: each takes the rows of its own types."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from hub.custody.intake import Row
from hub.custody.service import Taken, Taker


@dataclass(frozen=True, kw_only=True)
class ByType:
    """Gives rows to the taker that `special` names for their `type`, and all others to `rest`."""

    rest: Taker
    special: Mapping[str, Taker]

    def take(self, connection: Connection, rows: Sequence[Row], at_us: int) -> Taken:
        """Let each taker store its rows: those that `special` names in its order, then the rest."""
        parts: dict[str, list[Row]] = {}
        for row in rows:
            kind = row.type
            parts.setdefault(kind if kind in self.special else "", []).append(row)
        kinds = [kind for kind in (*self.special, "") if kind in parts]
        taken = [self.special.get(kind, self.rest).take(connection, parts[kind], at_us) for kind in kinds]
        return Taken(
            rejected=[reject for each in taken for reject in each.rejected],
            repeated=sum((each.repeated for each in taken), Taken().repeated),
            tell=_all([each.tell for each in taken]),
        )


def _all(told: Sequence[Callable[[], None]]) -> Callable[[], None]:
    def tell() -> None:
        for each in told:
            each()

    return tell
