"""How a virtual camera behaves: its nature, and what is wrong with it. Everything may change while it is on air."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from hil_tests.rig.errors import ControlError

State = Literal["live", "frozen", "silent", "stopped"]
"""frozen: answers, and sends no picture. silent: sends nothing at all, and nobody is told; stopped: without power."""

Scheme = Literal["digest", "digest-qop", "digest-sha256", "basic"]


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """One camera's ways. Without any change it is a decent one.

    The nature of cameras: `scheme` of authentication, `nonce_uses` after which a nonce is stale (0: never), transports
    refused, `answers_get_parameter`, `session_timeout_s`, `odd` (lower-case headers, line feeds, no Content-Length,
    absolute control URLs and no CSeq, as seen on real cameras), `redirect_to` another URL.

    `shows` another camera's clip, in the same sessions: pictures of another size, key pictures at another distance.

    Faults: see `State`; `stalls_in` a method that is never answered; `loss` share of packets that vanish; `bad_sps`;
    `clock_jump_s` by which the camera's picture times are moved; `refuses` every password; `storms` with a new
    challenge on every request; `drip_bytes_per_s` at which answers trickle; `giant_header_bytes`.
    """

    state: State = "live"
    scheme: Scheme = "digest"
    nonce_uses: int = 0
    refuses_tcp: bool = False
    refuses_udp: bool = False
    answers_get_parameter: bool = True
    session_timeout_s: int = 60
    odd: bool = False
    redirect_to: str = ""
    shows: str = ""
    stalls_in: str = ""
    loss: float = 0.0
    bad_sps: bool = False
    clock_jump_s: float = 0.0
    refuses: bool = False
    storms: bool = False
    drip_bytes_per_s: int = 0
    giant_header_bytes: int = 0

    def changed(self, changes: dict[str, Any]) -> "Behaviour":
        """Return the behaviour with `changes`; raise ControlError for an unknown name or a value of the wrong kind."""
        kinds = {field.name: type(field.default) for field in dataclasses.fields(self)}
        for name, value in changes.items():
            kind = kinds.get(name)
            fits = kind is not None and isinstance(value, (int, float) if kind is float else kind)
            if not fits or (kind is not bool and isinstance(value, bool)):
                raise ControlError(f"{name!r} cannot be {value!r}; a camera has {', '.join(sorted(kinds))}")
        return dataclasses.replace(self, **changes)
