"""A real agent joins a real hub: by a stick, over a clock that is wrong, and stays in by renewing its certificate."""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from federation.testing.waiting import until
from tests.system.joined import FENGSUI, WITHIN_S, identity, make_bundle, online, planned, running_box, running_hub

pytestmark = pytest.mark.system

YEARS_S = 20 * 365 * 86_400


async def test_a_box_whose_clock_is_years_ahead_joins_by_a_stick_renews_its_certificate_and_is_cut_off_when_revoked(
    tmp_path: Path,
) -> None:
    life_s = 12
    (tmp_path / "stick").mkdir()
    async with running_hub(tmp_path, certificate_days=life_s / 86_400) as hub, running_box(tmp_path, clock_s=YEARS_S):
        made = await asyncio.to_thread(make_bundle, hub, tmp_path / "stick" / "gate.fengsui-bundle")
        assert (made.returncode, made.stderr) == (0, "")
        assert (tmp_path / "stick" / "gate.fengsui-bundle").stat().st_mode & 0o777 == 0o600
        await until(lambda: online(hub), within_s=WITHIN_S, what="the box is online")
        first = await asyncio.to_thread(identity, tmp_path)

        async def renewed() -> bool:
            return bool((await asyncio.to_thread(identity, tmp_path))["certificate"] != first["certificate"])

        await until(renewed, within_s=WITHIN_S, what="the box has renewed its certificate")
        await until(lambda: online(hub), within_s=WITHIN_S, what="the box is online with its new certificate")

        node_id = (await hub.nodes())[0]["id"]
        (await hub.console.post(f"/api/v1/nodes/{node_id}/revocation")).raise_for_status()

        def said() -> bool:
            return "revoked" in (tmp_path / "agent.log").read_text()

        await until(lambda: asyncio.to_thread(said), within_s=WITHIN_S, what="the box is told that it is revoked")
        assert await hub.state() == "revoked"


async def test_a_box_whose_clock_is_years_behind_joins_and_then_starts_cold_without_its_hub(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    async with running_hub(tmp_path, certificate_days=90) as hub:
        await asyncio.to_thread(make_bundle, hub, tmp_path / "stick" / "gate.fengsui-bundle")
        async with running_box(tmp_path, clock_s=-YEARS_S):
            await until(lambda: online(hub), within_s=WITHIN_S, what="the box is online")
            point = {"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1:9/gate"}
            (await hub.console.post("/api/v1/points", json=point)).raise_for_status()
            draft: dict[str, Any] = {"name": "t", "point_ids": ["gate"], "algorithm_ids": ["fengsui.left_object"]}
            draft["region"] = [[0, 0], [1, 0], [1, 1]]
            (await hub.console.post("/api/v1/tasks", json=draft)).raise_for_status()
            await until(lambda: asyncio.to_thread(planned, tmp_path), within_s=WITHIN_S, what="the box has its task")

    async with running_box(tmp_path, clock_s=-YEARS_S):  # and nobody else
        await until((tmp_path / "run" / "panel.json").exists, within_s=WITHIN_S, what="the box runs alone")
        assert await asyncio.to_thread(planned, tmp_path) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot read"), ("no bundle", "this is no enrolment bundle")],
)
def test_a_wrong_bundle_on_the_command_line_is_one_clear_line(tmp_path: Path, content: str | None, said: str) -> None:
    config, bundle = tmp_path / "box.toml", tmp_path / "b.fengsui-bundle"
    config.write_text('profile = "analysis"\ndata_folder = "d"\nrun_folder = "r"\n')
    if content is not None:
        bundle.write_text(content)
    command = [FENGSUI, "appliance", "enrol", "--config", str(config), "--bundle", str(bundle)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))  # noqa: TID251

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "d").exists()
