"""What this box says and serves on the local network: how a hub claims it, and files for boxes of the same hub."""
