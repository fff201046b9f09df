"""Names of the Unix sockets in the run folder."""

AGENT_SOCKET = "agent.sock"
STREAMS_SOCKET = "streams.sock"
VISION_SOCKET = "vision.sock"
