"""Errors of the appliance.

ApplianceError
├── BadConfiguration
├── EnrolmentFailed
│   ├── EnrolmentRefused
│   └── HubUnreachable
└── ProcessAway
"""


class ApplianceError(Exception):
    """Something that a person must or can do something about; `code` is stable, the text is a sentence."""

    code = "appliance_error"


class BadConfiguration(ApplianceError):
    """The configuration file is absent, malformed, or asks for what cannot be."""

    code = "bad_configuration"


class EnrolmentFailed(ApplianceError):
    """The appliance did not join the hub."""

    code = "enrolment_failed"


class EnrolmentRefused(EnrolmentFailed):
    """The hub answered, and said no; asking again with the same token is useless."""

    code = "enrolment_refused"


class HubUnreachable(EnrolmentFailed):
    """The hub did not answer, or not as a hub does; it may do so later."""

    code = "hub_unreachable"


class ProcessAway(ApplianceError):
    """Another process of this appliance does not answer at present."""

    code = "process_away"
