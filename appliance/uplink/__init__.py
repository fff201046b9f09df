"""The link to the hub: custody of events, desired and reported state, pictures, packages, enrolment."""
