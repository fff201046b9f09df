"""Proves custody: real boxes, a real broker and a real hub under drawn faults; every event is counted at the end."""
