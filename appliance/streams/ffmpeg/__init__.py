"""Pulling by FFmpeg what our own reader does not speak, in processes of its own: a camera that hangs hurts nobody.

`source` asks, in the process `streams`; `nursery` is a small process that has FFmpeg loaded and forks a child for every
attempt, which costs milliseconds and little memory; `child` pulls in there and writes pictures into a socket.
"""
