"""The appliances: enrolment, presence, desired and reported state, the managed broker."""
