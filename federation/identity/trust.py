"""TLS between a hub and its nodes: whom each side trusts, and in which name the other must answer.

A hub answers in the name `HUB_NAME` besides its addresses, because a node may know it by an address that the hub has
never heard of: behind an address translation, over a relay. A node never looks at the dates of the hub's
certificate: its own clock may be wrong by years, and the authority it trusts belongs to this one hub.
"""

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HUB_NAME = "hub.fengsui"
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which Python's ssl has no name for


def node_server_name(node_id: str) -> str:
    """Return the name in which a node answers other nodes of its hub."""
    return f"{node_id}.node.fengsui"


class _Socket(ssl.SSLSocket):
    """A TLS socket that is closed if the two do not come to terms: paho would leave it to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as it is called
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class PinnedContext(ssl.SSLContext):
    """A client context whose peer must answer in one name, under whatever address it was reached."""

    peer_name: str
    sslsocket_class = _Socket

    def wrap_socket(  # noqa: PLR0917 - Python's signature
        self,
        sock: socket.socket,
        server_side: bool = False,  # noqa: ARG002, FBT001, FBT002 - Python's signature
        do_handshake_on_connect: bool = True,  # noqa: FBT001, FBT002
        suppress_ragged_eofs: bool = True,  # noqa: FBT001, FBT002
        server_hostname: str | bytes | None = None,  # noqa: ARG002 - whatever address it has
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """Return a TLS socket to the peer."""
        return super().wrap_socket(
            sock,
            do_handshake_on_connect=do_handshake_on_connect,
            suppress_ragged_eofs=suppress_ragged_eofs,
            server_hostname=self.peer_name,
            session=session,
        )

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: ARG002, FBT001, FBT002 - Python's signature
        server_hostname: str | bytes | None = None,  # noqa: ARG002 - whatever address it has
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Return a TLS connection to the peer."""
        return super().wrap_bio(incoming, outgoing, server_hostname=self.peer_name, session=session)


def client_context(*, ca: str, peer_name: str = HUB_NAME) -> PinnedContext:
    """Return how to reach a peer whose certificate the authority `ca` (PEM) signed in the name `peer_name`."""
    context = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.peer_name = peer_name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=ca)
    context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    return context


def server_context(*, chain: str, key_file: Path | None = None, ca: str | None = None) -> ssl.SSLContext:
    """Return how a server shows `chain` (PEM) and asks callers for a certificate of the authority `ca`, if any.

    The key lies in `key_file`, or in `chain` itself. A caller without a certificate gets in too; who it is, the
    application decides for each request.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # a resumed session would be admitted by a certificate that nobody looks at again
    show(context, chain=chain, key_file=key_file)
    if ca is not None:
        context.load_verify_locations(cadata=ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def show(context: ssl.SSLContext, *, chain: str, key_file: Path | None = None) -> None:
    """Show this certificate on connections to come. The key lies in `key_file`, or in `chain` itself."""
    with _readable(chain) as path:
        context.load_cert_chain(path, key_file)


@contextmanager
def _readable(text: str) -> Iterator[str]:
    # OpenSSL takes its own certificate from a file only; this one is nowhere on a disk.
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.set_blocking(descriptor, False)  # it is memory
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
