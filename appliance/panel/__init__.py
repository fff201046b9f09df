"""The appliance's own web panel: its API and pages, on a port of its own."""
