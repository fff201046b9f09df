"""Errors of a node's identity.

IdentityError
├── KeyUnsuitable        a key or request for a certificate that we do not take
├── BundleUnusable       a file that is no enrolment bundle
├── ClaimFailed          a box that was to be claimed
│   ├── ClaimRefused       the box answered, and said no
│   ├── PeerUnreachable    no box answered
│   └── WrongPeer          somebody else answered
└── EnrolmentFailed
    ├── EnrolmentRefused   the hub answered, and said no
    └── HubUnreachable     no hub answered, or not as a hub does
"""


class IdentityError(Exception):
    """Something about who a node is; `code` is stable, the text is a sentence that says what to do."""

    code = "identity_error"


class KeyUnsuitable(IdentityError):
    """A key, certificate or request for a certificate that is malformed, weak, or not what it claims to be."""

    code = "key_unsuitable"


class BundleUnusable(IdentityError):
    """A file that is no enrolment bundle of this format."""

    code = "bundle_unusable"


class ClaimFailed(IdentityError):
    """The box was not claimed."""

    code = "claim_failed"


class ClaimRefused(ClaimFailed):
    """The box answered, and said no. `code` is the box's."""

    def __init__(self, code: str, sentence: str) -> None:
        """Keep the box's stable `code` with its own words."""
        super().__init__(sentence)
        self.code = code


class PeerUnreachable(ClaimFailed):
    """Nobody answers at the address of the box."""

    code = "box_unreachable"


class WrongPeer(ClaimFailed):
    """Who answers is not the holder of the key, or does not know the code."""

    code = "wrong_box"


class EnrolmentFailed(IdentityError):
    """The node did not join the hub, or did not get a new certificate."""

    code = "enrolment_failed"


class EnrolmentRefused(EnrolmentFailed):
    """The hub answered, and said no; asking again in the same way is useless. `code` is the hub's."""

    def __init__(self, code: str, sentence: str) -> None:
        """Keep the hub's stable `code` with its own words."""
        super().__init__(sentence)
        self.code = code


class HubUnreachable(EnrolmentFailed):
    """The hub did not answer, or not as a hub does; it may do so later."""

    code = "hub_unreachable"
