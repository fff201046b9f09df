"""Live view: what flows from a camera's muxer to many browsers, over one hop or two."""

from federation.viewing.broadcast import Broadcast, Viewer
from federation.viewing.message import Kind, Message, init_message, read_init

__all__ = ["Broadcast", "Kind", "Message", "Viewer", "init_message", "read_init"]
