"""Bytes that the hub keeps: files named by their digest."""

from hub.storage.content_store import (
    ContentStore,
    DigestMismatch,
    NoRoom,
    StorageError,
    StoredFile,
    TooLarge,
    Writing,
)

__all__ = [
    "ContentStore",
    "DigestMismatch",
    "NoRoom",
    "StorageError",
    "StoredFile",
    "TooLarge",
    "Writing",
]
