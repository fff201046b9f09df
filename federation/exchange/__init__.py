"""File exchange 文件交换: the messages of custody as signed, sealed, numbered files, for borders that strip protocols.

Such a file is a parcel 交换包. A two-way data gatekeeper (双向网闸) carries files and nothing else, so that a session
with a broker cannot pass it.
"""

from federation.exchange.contents import Item
from federation.exchange.errors import ExchangeError, Refusal, Refused
from federation.exchange.parcel import (
    SUFFIX,
    Address,
    Header,
    Parcel,
    ParcelKind,
    file_name,
    make_parcel,
    open_parcel,
)

__all__ = [
    "SUFFIX",
    "Address",
    "ExchangeError",
    "Header",
    "Item",
    "Parcel",
    "ParcelKind",
    "Refusal",
    "Refused",
    "file_name",
    "make_parcel",
    "open_parcel",
]
