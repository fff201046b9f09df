"""Measures custody from the box's commit to the hub's row: rate, latency, backlog, CPU and memory."""
