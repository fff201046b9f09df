"""Who somebody is: accounts, passwords, lockout and sessions, the same on hub and appliance."""

from federation.identity.accounts import Account, Accounts
from federation.identity.lockout import Attempts, LockoutRule
from federation.identity.passwords import Passwords, WeakPassword, check_new_password, first_password
from federation.identity.sessions import SessionLimits, SessionRecord, SessionStore, csrf_token_of, digest_of

__all__ = [
    "Account",
    "Accounts",
    "Attempts",
    "LockoutRule",
    "Passwords",
    "SessionLimits",
    "SessionRecord",
    "SessionStore",
    "WeakPassword",
    "check_new_password",
    "csrf_token_of",
    "digest_of",
    "first_password",
]
