"""The agent process: the only writer of the appliance's database, and what the other processes talk to."""
