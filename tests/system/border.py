"""A border that carries files and nothing else, as tests have it: it loses, doubles, cuts and mixes up."""

import random
from dataclasses import dataclass, field
from pathlib import Path

SEED = 20260102


@dataclass(kw_only=True)
class Border:
    """The folders on both sides. It carries files by copying, as network drives do, in whatever order.

    Of those that it may lose it loses none any more once `bad_for` have come over: pauses between repeats double, and
    what is lost again and again by chance would come after minutes.
    """

    folder: Path
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311 - repeatable
    bad_for: int | None = None
    carried: int = 0

    def __post_init__(self) -> None:
        for name in ("box-out", "box-in", "hub-in", "hub-out"):
            (self.folder / name).mkdir(parents=True)

    def waiting(self) -> list[Path]:
        """Return the files that wait on either side, in no order."""
        found = [path for name in ("box-out", "hub-out") for path in (self.folder / name).rglob("*.fsx")]
        self.dice.shuffle(found)
        return found

    def _is_bad(self) -> bool:
        return self.bad_for is None or self.carried < self.bad_for

    def carry(self, *, lose: float = 0.0, double: float = 0.0, cut: float = 0.0) -> None:
        """Take what waits away, and bring it over unless it is lost; some files twice, some cut short first."""
        for path in self.waiting():
            target = self.folder / ("hub-in" if "box-out" in path.parts else "box-in") / path.name
            try:
                content = path.read_bytes()
                path.unlink()
            except FileNotFoundError:
                continue  # its writer has just removed it
            if self.dice.random() < lose and (lose == 1.0 or self._is_bad()):
                continue
            if self.dice.random() < cut:
                target.write_bytes(content[: self.dice.randrange(len(content))])
            target.write_bytes(content)
            self.carried += 1
            if self.dice.random() < double:
                (target.parent / "again").mkdir(exist_ok=True)
                (target.parent / "again" / path.name).write_bytes(content)
