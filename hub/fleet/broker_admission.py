"""Who may connect to the broker: kept in the database, written out for the broker, applied while it runs."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from federation.private_files import write_private
from hub.database import Database
from hub.fleet import certificates, rabbitmq
from hub.fleet.authority import HubAuthority
from hub.fleet.broker_files import (
    Admitted,
    SubscriberAccount,
    hash_password,
    new_password,
    subscriber_username,
    write_admission,
)
from hub.fleet.link import Link
from hub.fleet.tables import broker_accounts, nodes

log = logging.getLogger(__name__)

SUBSCRIBER = "subscriber"

Tell = Callable[[Admitted], Awaitable[None]]


class BrokerAdmission:
    """Lets nodes and bureaus in at the broker, and shuts them out.

    `issue…` and `remove…` belong into the transaction of the change that causes them; `apply` comes after
    its commit, and makes the running broker admit the new ones and cut off the removed ones.
    """

    def __init__(self, database: Database, link: Link, tell: Tell) -> None:
        """Tell the broker by `tell` whom it has to admit; cut sessions off over `link`."""
        self._database = database
        self._link = link
        self._tell = tell
        self._applying = asyncio.Lock()
        self._ended: set[str] = set()
        # A change that was written while the broker started may have been missed by it.
        link.when_connected(self.apply)

    def issue_subscriber(self, connection: Connection, bureau: str) -> tuple[str, str]:
        """Give a bureau a new password, in place of any earlier one; return user name and password."""
        username, password = subscriber_username(bureau), new_password()
        self.remove_subscriber(connection, bureau)
        connection.execute(
            insert(broker_accounts).values(
                username=username,
                kind=SUBSCRIBER,
                scope=bureau,
                password_hash=hash_password(password),
                rabbitmq_hash=rabbitmq.hash_password(password),
            )
        )
        return username, password

    def remove_subscriber(self, connection: Connection, bureau: str) -> None:
        """Take a bureau's account away."""
        username = subscriber_username(bureau)
        connection.execute(delete(broker_accounts).where(broker_accounts.c.username == username))

    async def apply(self) -> None:
        """Tell the broker whom to admit, from the database, and end what is forbidden now."""
        async with self._applying:
            admitted = await self._database.run(admitted_now)
            await self._tell(admitted)
            self._ended &= set(admitted.shut_out)
            # Mosquitto looks at a certificate when a session begins, and never again.
            for node_id in set(admitted.shut_out) - self._ended:
                if await self._link.end_session_of(node_id):
                    self._ended.add(node_id)


async def tell_own_broker(folder: Path, authority: HubAuthority, link: Link, admitted: Admitted) -> None:
    """Write what Mosquitto reads in `folder`, and make it read that."""
    await asyncio.to_thread(write_admission, folder, authority, admitted)
    await asyncio.to_thread(reload_broker, folder)
    # Mosquitto forgets a signal that comes while it still reads because of an earlier one. Once it has answered, it
    # is through with that. Without a link there is no need: all of this is done again when it stands.
    await link.answered()
    await asyncio.to_thread(reload_broker, folder)


async def tell_foreign_broker(folder: Path, admitted: Admitted) -> None:
    """Write to `folder` what the operator of somebody else's broker imports there."""
    definitions = rabbitmq.render_definitions(admitted)
    await asyncio.to_thread(write_private, folder / "definitions.json", definitions)


def reload_broker(folder: Path) -> bool:
    """Make the broker of `folder`, if it runs, read its files again; tell whether it runs."""
    try:
        pid = int((folder / "mosquitto.pid").read_text(encoding="ascii"))
        # The number may belong to another program by now.
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if os.fsencode(folder / "mosquitto.conf") not in command or Path(os.fsdecode(command[0])).name != "mosquitto":
            return False
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError):
        return False
    return True


def admitted_now(connection: Connection) -> Admitted:
    """Return whom the broker has to admit, and whom not any more."""
    admitted = select(nodes.c.id).where(nodes.c.revoked_at_us.is_(None)).order_by(nodes.c.id)
    accounts = connection.execute(select(broker_accounts).order_by(broker_accounts.c.username))
    return Admitted(
        node_ids=list(connection.execute(admitted).scalars()),
        subscribers=[
            SubscriberAccount(
                username=row.username,
                bureau=row.scope,
                password_hash=row.password_hash,
                rabbitmq_hash=row.rabbitmq_hash,
            )
            for row in accounts
        ],
        revoked=certificates.revoked(connection),
        shut_out=certificates.shut_out(connection),
    )
