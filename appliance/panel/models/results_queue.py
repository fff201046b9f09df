"""Results of picture tasks on their way to a message queue: on the disk until its broker has acknowledged each."""

import asyncio
import logging
import sqlite3
import ssl
from collections import Counter
from functools import partial

from appliance.config import ResultsQueueConfig
from appliance.errors import BadConfiguration
from appliance.store import queued_results
from appliance.store.database import Database
from federation.bus import BrokerAddress, Disconnected, Session
from federation.bus.errors import BusError
from federation.http import Problem
from federation.messages import BrokerEndpoint

log = logging.getLogger(__name__)

AT_ONCE = 50
TAKEN_WITHIN_S = 30.0
PAUSE_S = 1.0


class ResultsQueue:
    """The way to the queue that the configuration names; without one, whoever asks for it is refused."""

    def __init__(self, database: Database, settings: ResultsQueueConfig, *, client_id: str) -> None:
        """Set up; `run` delivers."""
        self.waiting: Counter[str] = Counter()
        self.fault = ""
        self._database = database
        self._settings = settings
        self._client_id = client_id
        self._news = asyncio.Event()

    @property
    def exists(self) -> bool:
        """Whether the configuration names a queue."""
        return self._settings.host is not None

    async def put(self, job_id: str, body: str) -> None:
        """Keep a result for the queue, safely; raise Problem when too many wait already."""
        await self._database.run(lambda db: self.keep(db, job_id, body))
        self.note(job_id)

    def keep(self, db: sqlite3.Connection, job_id: str, body: str) -> None:
        """Do so within a transaction, after which `note` is called; raise Problem."""
        if not self.has_kept(db, job_id, body):
            text = (
                f"{self._settings.most} results wait for the message queue already; see that its broker takes them,"
                " and order again."
            )
            raise Problem(409, "queue_full", text)

    def has_kept(self, db: sqlite3.Connection, job_id: str, body: str) -> bool:
        """Keep a result if there is room; tell whether it was kept."""
        return queued_results.put(db, job_id, body, most=self._settings.most)

    def note(self, job_id: str) -> None:
        """Have what was kept delivered."""
        self.waiting[job_id] += 1
        self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled, where a queue `exists`; raise BadConfiguration for files that cannot be used."""
        self.waiting = await self._database.read(queued_results.waiting)
        address = await asyncio.to_thread(address_of, self._settings)
        async with Session(address, client_id=self._client_id) as session, asyncio.TaskGroup() as group:
            group.create_task(self._follow(session), name="link to the results queue")
            group.create_task(self._deliver(session), name="results to the queue")

    async def _follow(self, session: Session) -> None:
        while True:
            item = await session.next()
            self.fault = item.reason if isinstance(item, Disconnected) else ""

    async def _deliver(self, session: Session) -> None:
        while True:
            self._news.clear()
            found = await self._database.read(lambda db: queued_results.oldest(db, AT_ONCE))
            if not found:
                await self._news.wait()
                continue
            try:
                bodies = [each.body.encode() for each in found]
                await session.hand_over(self._settings.topic, bodies, within_s=TAKEN_WITHIN_S)
            except (BusError, TimeoutError) as error:
                log.debug("the results queue has not taken %d results: %s", len(found), error)
                await asyncio.sleep(PAUSE_S)
                continue
            last = found[-1].number
            await self._database.run(partial(queued_results.taken, upto=last))
            self.waiting -= Counter(each.job_id for each in found)


def address_of(settings: ResultsQueueConfig) -> BrokerAddress:
    """Return how the broker is reached. Blocks; raises BadConfiguration for a file that cannot be used."""
    try:
        tls = ssl.create_default_context(cafile=settings.ca_file)
        if settings.certificate_file is not None:
            tls.load_cert_chain(settings.certificate_file)
        password = "" if settings.password_file is None else settings.password_file.read_text(encoding="utf-8").strip()
    except (OSError, ssl.SSLError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"a file of results_queue cannot be used: {error}") from error
    endpoint = BrokerEndpoint(host=settings.host or "", port=settings.port)
    return BrokerAddress(endpoints=(endpoint,), tls=tls, username=settings.username, password=password)
