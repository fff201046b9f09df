"""The web portal's server side: its files and its live updates."""
