"""Compare the reconciliation reports of a box and of a hub."""

import argparse
import sys
from pathlib import Path

from federation.exchange.errors import BadDocument
from federation.exchange.reconciliation import Report, Side, compare
from federation.exchange.signed import LARGEST_BYTES, read_signed

USAGE_ERROR = 2


def main(argv: list[str]) -> int:
    """Print what the hub lacks, one line per range; return 0 if it lacks nothing, 1 if it does."""
    parser = argparse.ArgumentParser(prog="fengsui reconcile", description=__doc__)
    parser.add_argument("box", type=Path, help="the box's report, *.fsx-report")
    parser.add_argument("hub", type=Path, help="the hub's report on that box")
    options = parser.parse_args(argv)
    try:
        box, hub = _read(options.box, Side.NODE), _read(options.hub, Side.HUB)
    except BadDocument as error:
        print(f"fengsui reconcile: {error}", file=sys.stderr)
        return USAGE_ERROR
    if (box.node_id, box.hub_id) != (hub.node_id, hub.hub_id):
        print("fengsui reconcile: the reports are of different nodes or hubs", file=sys.stderr)
        return USAGE_ERROR
    differences = compare(box, hub)
    for each in differences:
        days = ",".join(map(str, each.days)) or "-"
        print(f"{each.lane}\t{each.fault}\t{each.first}\t{each.last}\t{days}")
    for digest in hub.pictures_missing:
        print(f"picture\tmissing\t{digest}")
    return 1 if differences or hub.pictures_missing else 0


def _read(path: Path, side: Side) -> Report:
    """Return the report in a file; raise BadDocument with a sentence that names it."""
    try:
        with path.open("rb") as file:
            report, key = read_signed(file.read(LARGEST_BYTES + 1), Report)
    except OSError as error:
        raise BadDocument("document_unreadable", f"cannot read {path}: {error.strerror}") from error
    except BadDocument as error:
        raise BadDocument(error.code, f"{path}: {error}") from error
    if report.side is not side:
        raise BadDocument(
            "report_of_another", f"{path} is the report of a {report.side}; give the box's, then the hub's"
        )
    print(f"{path}: {report.node_id} at {report.hub_id}, made {report.made_at:%F %T%z}, signed by {key.fingerprint}")
    return report


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
