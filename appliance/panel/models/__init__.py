"""The models of this box at the panel, and pictures that people hand to them."""
