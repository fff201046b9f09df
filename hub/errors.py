"""Errors of the hub.

HubError
├── ConfigInvalid      the configuration file cannot be used
├── DatabaseAway       the database cannot be reached or used
├── AuthorityDamaged   the certificate authority cannot be read
├── BrokerMissing      the broker's program is not installed
├── NotRunning         no hub answers at its console socket
└── UnknownNode        a node was removed, or never enrolled
"""


class HubError(Exception):
    """Something the operator of the hub can act on; `code` is stable."""

    code = "hub_error"


class ConfigInvalid(HubError):
    """The configuration file cannot be used; the text says what to change."""

    code = "config_invalid"


class DatabaseAway(HubError):
    """The database cannot be reached or used; started again, the hub tries again."""

    code = "database_away"


class AuthorityDamaged(HubError):
    """The hub's certificate authority cannot be read, or is not the one that its nodes trust."""

    code = "authority_damaged"


class BrokerMissing(HubError):
    """The broker's program is not installed."""

    code = "broker_missing"


class NotRunning(HubError):
    """No hub answers at its console socket."""

    code = "not_running"


class UnknownNode(HubError):
    """A node was removed, or never enrolled."""

    code = "unknown_node"
