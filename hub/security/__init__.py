"""Who may use the hub, and the record of what they changed."""
