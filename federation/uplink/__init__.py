"""The link of a node to its hub, the same for an appliance and for a hub below a hub."""
