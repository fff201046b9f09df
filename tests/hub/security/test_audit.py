from typing import Any

import pytest
from sqlalchemy import Connection

from hub.security.audit import HUB, record
from tests.hub.conftest import ON_SQLITE


async def entries(hub: Any, **query: str) -> list[dict[str, Any]]:
    answer = await hub.console.get("/api/v1/audit", params=query)
    return list(answer.raise_for_status().json()["items"])


async def test_a_change_is_audited_with_who_what_and_from_where(hub: Any) -> None:
    async with hub.signed_in("operator") as client:
        made = (await client.post("/api/v1/enrolment-bundles", json={"name": "北门", "profile": "capture"})).json()

    [entry] = await entries(hub, action="enrolment_bundle.create")
    assert (entry["actor_kind"], entry["actor"], entry["peer"]) == ("user", "some-operator", "127.0.0.1")
    assert entry["subject"] == f"enrolment_bundle:{made['id']}"
    assert entry["detail"] == {"name": "北门", "profile": "capture", "site": "", "valid_s": 604800}
    assert made["bundle"]["token"] not in str(entry)


@ON_SQLITE
async def test_sign_ins_that_fail_are_audited(hub: Any) -> None:
    await hub.anonymous.post("/api/v1/session", json={"username": "nobody", "password": "wrong-password"})

    [entry] = await entries(hub, action="session.")
    assert (entry["action"], entry["actor"], entry["succeeded"]) == ("session.failed", "nobody", False)
    assert "wrong-password" not in str(entry)


@ON_SQLITE
async def test_what_the_console_does_is_audited_as_the_console(hub: Any) -> None:
    await hub.invite()

    [entry] = await entries(hub, action="enrolment_bundle.create")
    assert (entry["actor_kind"], entry["peer"]) == ("console", "local")


async def test_pages_of_the_audit_follow_one_another_newest_first(hub: Any) -> None:
    for number in range(5):
        await hub.invite(name=f"n{number}")

    first = (await hub.console.get("/api/v1/audit", params={"limit": 2, "action": "enrolment_bundle."})).json()
    second = await entries(hub, limit="2", action="enrolment_bundle.", after=first["next"])

    names = [entry["detail"]["name"] for entry in [*first["items"], *second]]
    assert names == ["n4", "n3", "n2", "n1"]


@ON_SQLITE
async def test_the_csv_export_holds_every_entry_and_no_formula(hub: Any) -> None:
    def work(connection: Connection) -> None:
        record(connection, HUB, "=1+1", "node:x")

    await hub.hub.foundation.database.run(work)
    answer = await hub.console.get("/api/v1/audit/export.csv")

    lines = answer.content.decode("utf-8-sig").splitlines()
    assert answer.headers["content-type"].startswith("text/csv")
    assert lines[0] == "id,at,actor_kind,actor,peer,action,subject,succeeded,detail,node_id"
    assert ",'=1+1,node:x,True,{}" in lines[1]


async def test_an_audit_entry_goes_with_the_transaction_it_belongs_to(hub: Any) -> None:
    def work(connection: Connection) -> None:
        record(connection, HUB, "something.fail", "node:x")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await hub.hub.foundation.database.run(work)

    assert await entries(hub, action="something.fail") == []
