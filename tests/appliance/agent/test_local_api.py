"""What the agent answers to the other processes of its box."""

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.agent import local_api
from appliance.agent.state import AgentState
from appliance.config import Config
from appliance.local import LocalEvent, LocalPicture
from appliance.local.agent_client import AgentAway, agent_client
from appliance.local.parcel import Outgoing
from appliance.store.database import Database
from federation.messages import new_id

PICTURE = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


def an_event() -> LocalEvent:
    now = datetime.now(UTC)
    return LocalEvent(
        id=new_id(),
        type="intrusion/object",
        time=now,
        detected_at=now,
        point_id="gate",
        task_id=new_id(),
        generation=1,
        algorithm_id="fengsui.area_intrusion",
        algorithm_version="1.0.0",
        score=0.9,
        pictures=(LocalPicture(width_px=64, height_px=36),),
    )


async def test_an_event_that_the_disk_does_not_take_is_asked_for_again_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config, event = Config(profile="analysis", data_folder=tmp_path / "data", run_folder=tmp_path), an_event()
    async with Database(config.database_file) as database:
        state = AgentState(config, database)
        await state.load()
        async with local_api.serving(state), agent_client(config.run_folder) as vision:
            config.pictures_folder.write_text("in the way")
            for _ in range(3):
                with pytest.raises(AgentAway, match="507"):
                    await vision.post_events([Outgoing(event=event, pictures=[PICTURE])])
            config.pictures_folder.unlink()
            for _ in range(2):
                await vision.post_events([Outgoing(event=event, pictures=[PICTURE])])

    said = [record.message for record in caplog.records if record.name == local_api.__name__]
    assert len(said) == 2
    assert said[0].startswith("events cannot be stored: ")
    assert said[1] == "events are stored again"
