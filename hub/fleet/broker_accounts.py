"""Who may connect to the broker: kept in the database, written out for the broker, applied while it runs."""

import asyncio
import logging
import os
import signal
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from hub.database import Database
from hub.fleet.broker_files import (
    BrokerAccount,
    hash_password,
    hub_account,
    new_password,
    node_username,
    render_acl,
    render_passwords,
    subscriber_username,
)
from hub.fleet.tables import broker_accounts
from hub.private_files import write_private

log = logging.getLogger(__name__)


class BrokerAccounts:
    """Issues and revokes the broker's accounts.

    `issue…` and `remove…` belong into the transaction of the change that causes them; `apply` comes after
    its commit, and makes the running broker admit the new ones and cut off the removed ones.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        """Keep the broker's files in `folder`."""
        self._database = database
        self._folder = folder
        self._applying = asyncio.Lock()

    def issue_node(self, connection: Connection, node_id: str) -> tuple[str, str]:
        """Give a node a new password, in place of any earlier one; return user name and password."""
        return self._issue(connection, node_username(node_id), "node", node_id)

    def issue_subscriber(self, connection: Connection, bureau: str) -> tuple[str, str]:
        """Give a bureau a new password, in place of any earlier one; return user name and password."""
        return self._issue(connection, subscriber_username(bureau), "subscriber", bureau)

    def remove_node(self, connection: Connection, node_id: str) -> None:
        """Take a node's account away."""
        self._remove(connection, node_username(node_id))

    def remove_subscriber(self, connection: Connection, bureau: str) -> None:
        """Take a bureau's account away."""
        self._remove(connection, subscriber_username(bureau))

    async def apply(self) -> None:
        """Write the broker's files from the database and tell the broker to read them."""
        async with self._applying:
            accounts = await self._database.run(_all)
            await asyncio.to_thread(self._write_and_tell, accounts)

    def _issue(self, connection: Connection, username: str, kind: str, scope: str) -> tuple[str, str]:
        password = new_password()
        self._remove(connection, username)
        connection.execute(
            insert(broker_accounts).values(
                username=username, kind=kind, scope=scope, password_hash=hash_password(password)
            )
        )
        return username, password

    def _remove(self, connection: Connection, username: str) -> None:
        connection.execute(delete(broker_accounts).where(broker_accounts.c.username == username))

    def _write_and_tell(self, accounts: list[BrokerAccount]) -> None:
        everyone = [hub_account(self._folder), *accounts]
        write_private(self._folder / "acl", render_acl(everyone))
        write_private(self._folder / "passwords", render_passwords(everyone))
        reload_broker(self._folder)


def reload_broker(folder: Path) -> bool:
    """Make the broker of `folder`, if it runs, read its accounts again; tell whether it runs."""
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


def _all(connection: Connection) -> list[BrokerAccount]:
    rows = connection.execute(select(broker_accounts).order_by(broker_accounts.c.username))
    return [
        BrokerAccount(username=row.username, kind=row.kind, scope=row.scope, password_hash=row.password_hash)
        for row in rows
    ]
