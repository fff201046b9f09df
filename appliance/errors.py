"""Errors of the appliance.

ApplianceError
├── BadConfiguration
├── ExchangeRefused
├── ProcessAway
└── SourceFailed
    ├── SourceAway
    ├── SourceLies
    └── SourceRefuses
"""


class ApplianceError(Exception):
    """Something that a person must or can do something about; `code` is stable, the text is a sentence."""

    code = "appliance_error"


class BadConfiguration(ApplianceError):
    """The configuration file is absent, malformed, or asks for what cannot be."""

    code = "bad_configuration"


class ExchangeRefused(ApplianceError):
    """Files cannot be exchanged with a hub in the way that was asked for."""

    def __init__(self, code: str, detail: str) -> None:
        """`code` is stable, `detail` one sentence."""
        super().__init__(detail)
        self.code = code


class ProcessAway(ApplianceError):
    """Another process of this appliance does not answer at present."""

    code = "process_away"


class SourceFailed(ApplianceError):
    """A source of an artifact did not give what it was asked for."""

    code = "source_failed"


class SourceAway(SourceFailed):
    """The source does not answer, or stopped in the middle."""

    code = "source_away"


class SourceLies(SourceFailed):
    """The source answered with other bytes than those that were asked for."""

    code = "source_lies"


class SourceRefuses(SourceFailed):
    """The source answered that it does not give this, or not now."""

    code = "source_refuses"
