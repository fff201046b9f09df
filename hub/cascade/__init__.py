"""Cascade 级联: this hub as the node of an upper hub, with an outbox of its own."""
