"""Vendors' licences as their command writes them."""

from pathlib import Path

import pytest

from appliance.packaging.__main__ import main
from federation.crypto import SigningKey
from federation.packages.licences import read_licence

ENDS = "2027-11-27T00:00:00+08:00"


def options(folder: Path, *more: str) -> list[str]:
    whose = ["example.smoke", "--number", "HK-1", "--holder", "示范市城管局"]
    return ["licence", *whose, "--key", str(folder / "key.pem"), "-o", str(folder / "smoke.alglic"), *more]


def test_a_licence_that_is_written_is_believed_by_who_trusts_its_signer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = main(options(tmp_path, "--ends", ENDS, "--tasks", "5"))

    key = SigningKey.from_pem((tmp_path / "key.pem").read_text("ascii"))
    found, _signer = read_licence((tmp_path / "smoke.alglic").read_bytes(), [key.public])
    assert (made, found.algorithm, found.holder, found.tasks) == (0, "example.smoke", "示范市城管局", 5)
    assert found.ends is not None
    assert found.ends.isoformat() == ENDS
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"{tmp_path / 'key.pem'}: there was no key, so a new one was made; nobody trusts it yet"
    assert key.public.fingerprint in shown[1]
    assert main(options(tmp_path)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("more", [("--ends", "tomorrow"), ("--ends", "2027-11-27"), ("--tasks", "0")])
def test_what_makes_no_licence_writes_none(
    more: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options(tmp_path, *more)) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "smoke.alglic").exists()
