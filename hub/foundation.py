"""What every part of the hub may ask for: made first, and without touching disk or network."""

import functools
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from federation.http.live_feed import LiveFeed
from federation.http.sign_in import SignIn
from federation.identity import LockoutRule, SessionLimits
from hub.config import HubConfig
from hub.database import Database
from hub.fleet.admittance import NodeAuthenticator
from hub.fleet.authority import HubAuthority
from hub.fleet.broker_admission import BrokerAdmission, Tell, tell_foreign_broker, tell_own_broker
from hub.fleet.broker_endpoints import BrokerEndpoints
from hub.fleet.desired import DesiredPublisher
from hub.fleet.link import Link
from hub.fleet.own import OwnHub
from hub.fleet.roster import Roster
from hub.fleet.watching import Patience, Watch
from hub.security.accounts import AccountTable, SessionTable
from hub.security.authenticator import HubAuthenticator
from hub.security.service import Security


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where nodes reach the hub by HTTPS, and where the broker is."""

    nodes: int
    broker: BrokerEndpoints


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """What every part may ask for."""

    config: HubConfig
    database: Database
    live: LiveFeed
    link: Link
    authority: HubAuthority
    admission: BrokerAdmission
    desired: DesiredPublisher
    roster: Roster
    own: OwnHub
    watch: Watch
    sign_in: SignIn
    authenticator: HubAuthenticator
    node_authenticator: NodeAuthenticator
    node_refusals: Counter[str]
    ports: Ports


def lay(config: HubConfig, database: Database, security: Security, ports: Ports) -> Foundation:
    """Return what all parts stand on, wired; nothing is read or written yet."""
    link, roster = Link(), Roster()
    sign_in = SignIn(
        accounts=AccountTable(database, security.forget_first_password),
        sessions=SessionTable(database),
        passwords=security.passwords,
        on_sign_in=security.audit_sign_in,
        limits=SessionLimits(
            idle=timedelta(seconds=config.sessions.idle_timeout_s), longest=timedelta(seconds=config.sessions.longest_s)
        ),
        rule=LockoutRule(failures=config.sessions.failures, pause=timedelta(seconds=config.sessions.lockout_s)),
        https=config.http.secure_cookies or config.http.certificate_file is not None,
    )
    authority = HubAuthority(config.authority_folder, config.server_names)
    tell: Tell = functools.partial(tell_foreign_broker, config.broker_folder)
    if config.broker.managed:
        tell = functools.partial(tell_own_broker, config.broker_folder, authority, link)
    admission = BrokerAdmission(database, link, tell)
    desired = DesiredPublisher(database, link)
    return Foundation(
        config=config,
        database=database,
        live=LiveFeed(),
        link=link,
        authority=authority,
        admission=admission,
        desired=desired,
        roster=roster,
        own=OwnHub(config.name),
        watch=Watch(
            database=database,
            link=link,
            roster=roster,
            patience=Patience(silence_s=config.fleet.silence_s, again_s=config.fleet.examine_every_s),
            desired=desired,
        ),
        sign_in=sign_in,
        authenticator=HubAuthenticator(sign_in),
        node_authenticator=NodeAuthenticator(roster),
        node_refusals=Counter(),
        ports=ports,
    )
