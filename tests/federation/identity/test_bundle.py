import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.identity.bundle import FORMAT, LARGEST_BYTES, Bundle, find_bundles, read_bundle
from federation.identity.errors import BundleUnusable

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def a_bundle(**changes: Any) -> Bundle:
    values = {
        "format": FORMAT,
        "hub_url": "https://hub.example:8443",
        "hub_name": "烽燧",
        "ca": "PEM",
        "token": "t" * 32,
        "name": "城东 1 号",
        "profile": "analysis",
        "issued_at": NOW,
        "expires_at": NOW + timedelta(days=7),
    }
    return Bundle.model_validate({**values, **changes})


def test_a_bundle_is_read_back_whole_and_what_a_later_release_adds_is_ignored() -> None:
    bundle = a_bundle(site="east")

    assert read_bundle(bundle.to_text()) == bundle
    assert read_bundle(json.dumps({**bundle.model_dump(mode="json"), "later": 1})) == bundle


def test_the_token_does_not_stand_in_the_text_of_a_log() -> None:
    assert "t" * 32 not in repr(a_bundle())


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "[" * 100_000, "x" * (LARGEST_BYTES + 1), b"\xff\xfe"])
def test_a_file_that_is_none_is_one_clear_error(text: str | bytes) -> None:
    with pytest.raises(BundleUnusable, match="enrolment bundle") as refused:
        read_bundle(text)

    assert "\n" not in str(refused.value)


@given(st.binary(max_size=400))
def test_whatever_lies_on_a_stick_is_no_bundle_and_no_crash(content: bytes) -> None:
    with pytest.raises(BundleUnusable):
        read_bundle(content)


def test_of_a_stick_full_of_files_the_fitting_bundles_are_taken_the_newest_first(tmp_path: Path) -> None:
    older, newer = a_bundle(token="o" * 32), a_bundle(token="n" * 32, issued_at=NOW + timedelta(hours=1))
    (tmp_path / "a.fengsui-bundle").write_text(older.to_text())
    (tmp_path / "b.fengsui-bundle").write_text(newer.to_text())
    (tmp_path / "c.fengsui-bundle").write_text(a_bundle(profile="capture").to_text())
    (tmp_path / "d.fengsui-bundle").write_bytes(b"\x00" * 100)
    (tmp_path / "e.fengsui-bundle").mkdir()
    (tmp_path / "f.fengsui-bundle").write_text("x" * 200_000)
    (tmp_path / "notes.txt").write_text(newer.to_text())

    assert find_bundles(tmp_path, profile="analysis") == [newer, older]
    assert find_bundles(tmp_path / "not mounted", profile="analysis") == []
