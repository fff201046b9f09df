"""Live view by remux: access units of a camera to fragments of one picture, for whoever watches."""
