"""Who may do what on the fake Jenkins: passwords, API tokens, crumbs, permissions."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

ADMINISTER, READ = "hudson.model.Hudson.Administer", "hudson.model.Hudson.Read"
ITEM_READ, ITEM_DISCOVER = "hudson.model.Item.Read", "hudson.model.Item.Discover"
ITEM_BUILD, ITEM_CANCEL = "hudson.model.Item.Build", "hudson.model.Item.Cancel"
ANONYMOUS = "anonymous"
#: The one credential of a fake that a test did not give others: the user ``admin`` with this API token.
ADMIN_TOKEN = "11" + "ab" * 16


class Proof(Enum):
    """How somebody is known: only API tokens need no crumb."""

    NONE = "none"
    PASSWORD = "password"  # noqa: S105 - a kind, no password
    TOKEN = "token"  # noqa: S105 - a kind, no token


@dataclass
class User:
    """An account."""

    name: str
    password: str
    tokens: set[str] = field(default_factory=set)
    permissions: frozenset[str] = frozenset({ADMINISTER})

    def may(self, permission: str) -> bool:
        """Whether the account has a permission, or one that implies it."""
        if ADMINISTER in self.permissions or permission in self.permissions:
            return True
        return permission == ITEM_DISCOVER and ITEM_READ in self.permissions


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request."""

    user: User
    proof: Proof

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody is known."""
        return self.user.name == ANONYMOUS


class WrongCredentialError(Exception):
    """Neither a password nor a token of that account."""


class Security:
    """
    Accounts and sessions.

    Attributes:
        enabled: With security off, everybody may do everything (and needs a crumb all the same).
        users: By name.
        anonymous: What somebody unknown may.
    """

    def __init__(self) -> None:
        self.enabled = True
        self.users: dict[str, User] = {}
        self.anonymous = User(ANONYMOUS, "", permissions=frozenset())
        self._sessions: set[str] = set()
        self._salt = secrets.token_hex(16)
        self.add("admin", "admin", [ADMIN_TOKEN])

    def add(
        self, name: str, password: str, tokens: Iterable[str] = (), permissions: Iterable[str] = (ADMINISTER,)
    ) -> User:
        """Make an account, or another one of that name."""
        self.users[name] = User(name, password, set(tokens), frozenset(permissions))
        return self.users[name]

    def require(self, credential: str, name: str = "admin") -> None:
        """Let only this credential be *name*'s from now on, as password and as API token."""
        self.users[name] = User(name, secrets.token_hex(8), {credential}, self.users[name].permissions)

    def allow_anonymous_read(self, allowed: bool) -> None:
        """Let everybody read, or nobody."""
        self.anonymous.permissions = frozenset({READ, ITEM_READ} if allowed else ())

    def authenticate(self, authorization: str) -> Caller:
        """
        Say who sent this header; other schemes than Basic are not looked at.

        Raises:
            WrongCredentialError: The account or its credential is not known.
        """
        if not self.enabled:
            return Caller(User(ANONYMOUS, ""), Proof.NONE)
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return Caller(self.anonymous, Proof.NONE)
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise WrongCredentialError from error
        user = self.users.get(name)
        if user is None or not secret:
            raise WrongCredentialError
        if secret in user.tokens:
            return Caller(user, Proof.TOKEN)
        if secret != user.password:
            raise WrongCredentialError
        return Caller(user, Proof.PASSWORD)

    def new_session(self) -> str:
        """Begin a session."""
        session = f"node0{secrets.token_hex(12)}.node0"
        self._sessions.add(session)
        return session

    def end_sessions(self) -> None:
        """Forget every session: the server was restarted."""
        self._sessions.clear()

    def crumb(self, caller: Caller, session: str) -> str:
        """Return the crumb of somebody in a session."""
        text = f"{caller.user.name};{session};{self._salt}"
        return hashlib.sha256(text.encode()).hexdigest()

    def is_crumb(self, crumb: str, caller: Caller, session: str) -> bool:
        """Whether a crumb was made for this account and this session."""
        return session in self._sessions and crumb == self.crumb(caller, session)

    def run_script(self, script: str) -> str:
        """
        Do what the scripts of the recording do to the authorization, and nothing else.

        Returns:
            What is printed.
        """
        if "LabStrategy" in script:
            for name, permissions in LAB.items():
                self.add(name, name, [f"token-of-{name}"], permissions)
            return "".join(f"{name} token-of-{name}\n" for name in LAB)
        if "setAllowAnonymousRead" in script:
            self.allow_anonymous_read("setAllowAnonymousRead(true)" in script)
        return "hudson.security.FullControlOnceLoggedInAuthorizationStrategy@be5e8c7\n"


#: The accounts of the recording: each may a little less, or something odd.
LAB: Mapping[str, frozenset[str]] = {
    "ro": frozenset({READ, ITEM_READ}),
    "disc": frozenset({READ, ITEM_DISCOVER}),
    "none": frozenset({READ}),
    "noread": frozenset(),
    "nobuildread": frozenset({READ, ITEM_BUILD}),
}
