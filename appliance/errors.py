"""Errors of the appliance.

ApplianceError
├── BadConfiguration
└── ProcessAway
"""


class ApplianceError(Exception):
    """Something that a person must or can do something about; `code` is stable, the text is a sentence."""

    code = "appliance_error"


class BadConfiguration(ApplianceError):
    """The configuration file is absent, malformed, or asks for what cannot be."""

    code = "bad_configuration"


class ProcessAway(ApplianceError):
    """Another process of this appliance does not answer at present."""

    code = "process_away"
