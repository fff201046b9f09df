"""Indexes that can be made again: told when they are damaged, and set aside."""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

_DAMAGE = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})


def is_damage(error: BaseException) -> bool:
    """Tell whether an error says that the index is no sound database any more."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorname", "") in _DAMAGE


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors in a group of them, however deep."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def set_aside(index_file: Path) -> None:
    """Rename a damaged index, so that it is made again. Blocks."""
    log.error("the index %s is damaged; it is set aside and made again", index_file.name)
    for suffix in ("", "-wal", "-shm"):
        part = index_file.with_name(index_file.name + suffix)
        if part.exists():
            part.replace(part.with_name(f"damaged-{part.name}"))
