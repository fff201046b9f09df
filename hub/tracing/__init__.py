"""链路追踪: how fast events are made, stored and passed on along the whole chain, and what waits at each place."""
