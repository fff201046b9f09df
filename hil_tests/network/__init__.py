"""The network between the parties of a run: namespaces where they are permitted, relays elsewhere, and bad weather."""
