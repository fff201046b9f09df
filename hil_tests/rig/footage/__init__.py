"""Video files that virtual cameras play: written, converted and kept in a cache."""
