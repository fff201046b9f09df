"""How the box and its processes are."""
