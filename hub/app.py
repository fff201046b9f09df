"""A hub that works: its database, its link, all its parts, and what it serves."""

import asyncio
import functools
import json
import logging
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import hub.portal
from federation.bus import BrokerAddress
from federation.http import make_app
from federation.http.single_page import SinglePage
from federation.messages.calendar import known_zones
from federation.private_files import read_secret, write_private
from firmware_profiles.profile import load_all
from hub.assembly import Hub, Step, assemble
from hub.config import HubConfig
from hub.database import Database
from hub.database.upgrade import upgrade
from hub.errors import ConfigInvalid
from hub.fleet.authority import HubAuthority
from hub.fleet.broker_endpoints import broker_endpoints
from hub.fleet.broker_process import remembered_port
from hub.fleet.enrolment import new_token
from hub.foundation import Foundation, Ports
from hub.security.authenticator import scraper_by
from hub.serving import serving

log = logging.getLogger(__name__)

RESTART_PAUSE_S = 1.0
LONGEST_RESTART_PAUSE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class RunningHub:
    """A hub that serves; `url` is where portal and API answer, `node_url` where nodes are answered."""

    hub: Hub
    url: str
    node_url: str


@asynccontextmanager
async def open_hub(config: HubConfig, *, idle: frozenset[str] = frozenset()) -> AsyncIterator[RunningHub]:
    """Run a hub for as long as the context is open: database, link, all parts, HTTP and console.

    Parts named in `idle` answer requests, and do nothing of themselves.
    """
    prepared = await asyncio.to_thread(_prepare_folders, config)
    database = await asyncio.to_thread(Database, config.database)
    try:
        await upgrade(database)
        built = assemble(config, database, prepared.ports)
        await asyncio.to_thread(_open_authority, built.foundation.authority)
        built.foundation.authenticator.accept_tokens(scraper_by(prepared.metrics_token))
        for part in built.parts:
            if part.start is not None:
                await part.start()
        await built.foundation.admission.apply()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(keep_running(part.name, part.run), name=part.name)
                for part in built.parts
                if part.run is not None and part.name not in idle
            ]
            link_forever = functools.partial(built.foundation.link.run, await _broker_address(built.foundation))
            tasks.append(group.create_task(keep_running("link", link_forever), name="link"))
            try:
                async with _serving(built) as running:
                    yield running
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        await database.close()


def _open_authority(authority: HubAuthority) -> None:
    now = datetime.now(UTC)
    authority.open(now).refresh_server(now)


async def _broker_address(foundation: Foundation) -> BrokerAddress:
    managed = foundation.config.broker.managed
    tls = await asyncio.to_thread(foundation.authority.broker_tls, managed=managed, now=datetime.now(UTC))
    return BrokerAddress(endpoints=foundation.ports.broker.hub, tls=tls)


async def keep_running(name: str, run: Step) -> None:
    """Run `run` until cancelled; start it again, after a growing pause, whenever it fails."""
    pause_s = RESTART_PAUSE_S
    while True:
        try:
            return await run()
        except Exception:  # the supervisor of a part: the others go on, the log has the trace
            log.exception("part %s failed; it starts again in %.0f s", name, pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_RESTART_PAUSE_S)


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    ports: Ports
    metrics_token: str


def _prepare_folders(config: HubConfig) -> _Prepared:
    for folder in (config.data_folder, config.sockets, config.broker_folder, config.authority_folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config.sockets.chmod(0o700)  # the console's lock: only the owner may enter
    load_all()  # read profiles and time zones here, not within the event loop
    known_zones()
    nodes = config.nodes.port or remembered_port(config, "node-port", config.nodes.host)
    return _Prepared(
        ports=Ports(nodes=nodes, broker=broker_endpoints(config)),
        metrics_token=read_secret(config.data_folder / "metrics-token", make=lambda: new_token("fsm_")),
    )


@asynccontextmanager
async def _serving(built: Hub) -> AsyncIterator[RunningHub]:
    """Serve people by TCP and on the console's socket, and nodes by TLS; say in the run folder where."""
    config, foundation = built.foundation.config, built.foundation
    app = make_app(built.api)
    SinglePage(folder=Path(hub.portal.__file__).parent / "static", title="门户").add_to(app)
    refused = foundation.node_refusals
    node_app = make_app(built.node_api, refused=refused)
    async with serving(node_app, refused=refused) as for_nodes, serving(app) as for_people:
        tls = await asyncio.to_thread(foundation.authority.server_tls)
        node_url = await for_nodes.listen(config.nodes.host, foundation.ports.nodes, tls=tls)
        await for_people.listen_on_socket(config.console_socket)
        url = await for_people.listen(config.http.host, config.http.port, tls=await asyncio.to_thread(_own_tls, config))
        told = json.dumps({"url": url, "node_url": node_url, "port": int(url.rsplit(":", 1)[1]), "pid": os.getpid()})
        await asyncio.to_thread(write_private, config.sockets / "hub.json", told)
        log.info("hub serves people at %s and nodes at %s", url, node_url)
        yield RunningHub(hub=built, url=url, node_url=node_url)


def _own_tls(config: HubConfig) -> ssl.SSLContext | None:
    """Return how the portal is served by HTTPS, if the operator has given it a certificate; raise ConfigInvalid."""
    http = config.http
    if http.certificate_file is None or http.key_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(http.certificate_file, http.key_file)
    except OSError as error:
        raise ConfigInvalid(f"http.certificate_file and http.key_file cannot be used: {error}") from error
    return context
