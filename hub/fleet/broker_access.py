"""Writes down what the operator of somebody else's broker has to set there."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path, PurePath

from cryptography import x509

from federation.private_files import write_private
from hub.config import HubConfig
from hub.database import Database
from hub.database.upgrade import upgrade
from hub.errors import ConfigInvalid
from hub.fleet.authority import HubAuthority, suits
from hub.fleet.broker_admission import admitted_now
from hub.fleet.broker_endpoints import broker_endpoints
from hub.fleet.broker_files import Admitted
from hub.fleet.rabbitmq import render_definitions, render_settings


async def write_broker_access(config: HubConfig, out: Path, *, installed_in: PurePath) -> list[str]:
    """Write certificates, settings and definitions to `out`; return the commands that put them in force.

    `installed_in` is the folder in which they will lie on the broker's machines. Raises ConfigInvalid.
    """
    if config.broker.managed:
        raise ConfigInvalid("broker.managed is true: the hub configures its own broker, nothing is to be done")
    database = await asyncio.to_thread(Database, config.database)
    try:
        await upgrade(database)
        admitted = await database.run(admitted_now)
    finally:
        await database.close()
    await asyncio.to_thread(_write, config, out, admitted, installed_in)
    return [
        f"rabbitmqctl import_definitions {installed_in / 'definitions.json'}",
        *(f"rabbitmqctl delete_user {node_id}" for node_id in admitted.shut_out),
    ]


def _write(config: HubConfig, out: Path, admitted: Admitted, installed_in: PurePath) -> None:
    endpoints, now = broker_endpoints(config), datetime.now(UTC)
    names = tuple(dict.fromkeys(endpoint.host for endpoint in (*endpoints.hub, *endpoints.nodes)))
    authority = HubAuthority(config.authority_folder, config.server_names).open(now)
    texts = {
        "ca.pem": authority.ca,
        "server.pem": _present(out / "server.pem", names, now) or authority.issue_server(names, now=now),
        "rabbitmq.conf": render_settings(installed_in),
        "definitions.json": render_definitions(admitted),
    }
    try:
        for name, text in texts.items():
            write_private(out / name, text)
    except OSError as error:
        raise ConfigInvalid(f"cannot write to {out}: {error.strerror}") from error


def _present(path: Path, names: tuple[str, ...], now: datetime) -> str | None:
    """Return the servers' certificate of an earlier call, if it can stay; the brokers have it already."""
    try:
        pem = path.read_text(encoding="ascii")
        return pem if suits(pem, names, now) else None
    except (OSError, ValueError, x509.ExtensionNotFound):
        return None
