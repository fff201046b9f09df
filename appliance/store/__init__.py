"""What an appliance keeps: events, their pictures, the outbox, documents and people, in one database."""
