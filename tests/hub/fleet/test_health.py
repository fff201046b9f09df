from typing import Any

from tests.hub.conftest import ON_SQLITE


@ON_SQLITE
async def test_metrics_and_readiness_are_for_the_holder_of_the_metrics_token(linked_hub: Any) -> None:
    path = linked_hub.config.data_folder / "metrics-token"

    assert path.stat().st_mode & 0o777 == 0o600
    assert (await linked_hub.anonymous.get("/metrics")).status_code == 401
    assert (await linked_hub.anonymous.get("/healthz")).status_code == 200
    async with linked_hub.bearer(path.read_text().strip()) as client:
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        metrics = (await client.get("/metrics")).text
        assert "fengsui_hub_link_up 1.0" in metrics
        assert "fengsui_hub_messages_received_total" in metrics
        assert (await client.get("/api/v1/users")).status_code == 403


@ON_SQLITE
async def test_without_a_broker_the_hub_serves_and_says_that_it_is_not_ready(hub: Any) -> None:
    answer = await hub.console.get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert (await hub.console.get("/api/v1/nodes")).status_code == 200
