"""The appliance: pulls cameras, runs algorithms, keeps its own record; works without a hub."""
