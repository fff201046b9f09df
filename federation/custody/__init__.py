"""Custody of events from outbox to hub: pure state machines on both sides of the wire."""
