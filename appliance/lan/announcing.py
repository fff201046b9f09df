"""What a box without a hub tells: people at its console, by text and QR code; the local network, by multicast DNS."""

import io

import segno

from federation.discovery import Service
from federation.identity.claim import KIND, ClaimTicket, shown_code
from federation.identity.key import grouped

QR_SCALE = 6


def service_of(ticket: ClaimTicket, *, port: int, profile: str, software: str) -> Service:
    """Return how the network is told that this box waits for a hub; the code is not told."""
    properties = {"serial": ticket.serial, "key": ticket.fingerprint, "profile": profile, "software": software}
    return Service(kind=KIND, name=ticket.serial, port=port, properties=properties)


def console_text(ticket: ClaimTicket) -> str:
    """Return what somebody at the console reads, with a QR code made of characters."""
    drawn = io.StringIO()
    segno.make(ticket.to_text(), micro=False).terminal(drawn, compact=True)
    return (
        "本机尚未接入中心 This box has no hub yet\n"
        f"  序列号 serial        {ticket.serial}\n"
        f"  地址 address         {ticket.url}\n"
        f"  密钥指纹 fingerprint  {grouped(ticket.fingerprint)}\n"
        f"  接入码 code          {shown_code(ticket.code)}\n"
        f"{drawn.getvalue()}"
    )


def qr_svg(ticket: ClaimTicket) -> bytes:
    """Return the QR code as a picture."""
    drawn = io.BytesIO()
    segno.make(ticket.to_text(), micro=False).save(drawn, kind="svg", scale=QR_SCALE, border=2)
    return drawn.getvalue()
