"""Cameras as the panel shows and takes them: their health, a try before they are added, tables of them."""
