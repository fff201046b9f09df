"""`fengsui reconcile` for people who hold two files and no server."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from federation.crypto import SigningKey
from federation.exchange.__main__ import main
from federation.exchange.reconciliation import LaneTally, Report, Side
from federation.exchange.signed import sign
from federation.messages import Lane

BOX, HUB = SigningKey.generate(), SigningKey.generate()


def written(folder: Path, side: Side, last: int, *, node_id: str = "gate-1") -> str:
    lane = LaneTally(lane=Lane.EVENTS, epoch="e1", spans=((1, last),))
    made_at = datetime(2026, 1, 1, tzinfo=UTC)
    report = Report(side=side, node_id=node_id, hub_id="hub-1", made_at=made_at, lanes=(lane,))
    path = folder / f"{side}-{last}-{node_id}.fsx-report"
    path.write_text(sign(report, BOX if side is Side.NODE else HUB), encoding="utf-8")
    return str(path)


def test_it_names_what_the_hub_lacks_and_whose_reports_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([written(tmp_path, Side.NODE, 9), written(tmp_path, Side.HUB, 6)])

    said = capsys.readouterr().out
    assert status == 1
    assert "events\tmissing\t7\t9\t-\n" in said
    assert BOX.public.fingerprint in said
    assert HUB.public.fingerprint in said


def test_equal_reports_end_with_success(tmp_path: Path) -> None:
    assert main([written(tmp_path, Side.NODE, 9), written(tmp_path, Side.HUB, 9)]) == 0


def test_wrong_files_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box, hub = written(tmp_path, Side.NODE, 9), written(tmp_path, Side.HUB, 9)
    other = written(tmp_path, Side.HUB, 9, node_id="gate-2")
    changed = tmp_path / "changed.fsx-report"
    changed.write_text(Path(hub).read_text("utf-8").replace("hub-1", "hub-2"), encoding="utf-8")

    for arguments in ([box, "nowhere"], [hub, box], [box, other], [box, str(changed)]):
        assert main(arguments) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
