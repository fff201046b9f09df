"""Parts for tests: waiting, clocks, builders. Shipped for hardware tests, never imported at run time."""
