"""Recording by packet copy: fragments of every camera into segment files, their index, plans and retention."""
