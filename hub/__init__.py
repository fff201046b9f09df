"""The hub: decides what each appliance should do, gathers what they saw, serves the portal."""
