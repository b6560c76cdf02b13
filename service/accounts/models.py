"""Accounts, sessions and tokens as clients send and see them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pipelines.secrets import Secret
from service.accounts.roles import Permission, Role
from service.accounts.sessions import Way
from service.text import Name

LOGIN_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$"
"""Of letters that look like no others: a login is read out, typed, and stands in the audit."""


class Body(BaseModel):
    """A request's; what isn't described is refused."""

    model_config = ConfigDict(extra="forbid")


class Credentials(Body):
    """Login and password."""

    login: str
    password: Secret


class PasswordChange(Body):
    """The present password and the one to come."""

    current_password: Secret
    new_password: Secret


class PlaceBrief(BaseModel):
    """A place of an account."""

    code: str
    name: str
    level: str


class SessionAccount(BaseModel):
    """The account that is logged in."""

    account_id: UUID
    login: str
    name: str
    role: Role
    places: list[PlaceBrief]


class SessionView(BaseModel):
    """Who is logged in, and what that account may do."""

    account: SessionAccount
    permissions: list[Permission]
    password_once: Annotated[
        bool, Field(description="The password must be replaced before anything else.")
    ]
    csrf_token: Annotated[str, Field(description="To be sent with changes, as X-CSRF-Token.")]
    expires_at: Annotated[datetime, Field(description="When it ends if nothing more is done.")]


class OidcWay(BaseModel):
    """The identity provider."""

    name: str


class WaysToSignIn(BaseModel):
    """How people may log in here."""

    password: bool
    oidc: OidcWay | None


class NewToken(Body):
    """What a token is to be."""

    name: Name
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))]
    expires_in_days: Annotated[int, Field(ge=1, le=366)]


class Token(BaseModel):
    """An API token, without its secret."""

    token_id: UUID
    name: str
    scopes: list[Permission]
    created_at: datetime
    expires_at: datetime
    used_at: Annotated[datetime | None, Field(description="To a minute.")]
    revoked_at: datetime | None


class MadeToken(Token):
    """A token that was just made."""

    secret: Annotated[str, Field(description="Shown this once.")]


class TokenList(BaseModel):
    """One's own tokens, newest first."""

    tokens: list[Token]


PlaceCodes = Annotated[
    list[Annotated[str, StringConstraints(max_length=32)]], Field(min_length=1, max_length=100)
]


class NewAccount(Body):
    """An account to be made."""

    login: Annotated[
        str,
        StringConstraints(pattern=LOGIN_PATTERN),
        Field(description="With OIDC exactly what the identity provider calls the person."),
    ]
    name: Name
    role: Role
    places: PlaceCodes
    way: Way = Way.PASSWORD


class AccountChange(Body):
    """What is to be another; what isn't sent stays."""

    name: Name | None = None
    role: Role | None = None
    places: PlaceCodes | None = None
    disabled: bool | None = None


class Account(BaseModel):
    """An account as administrators see it."""

    account_id: UUID
    login: str
    name: str
    role: Role
    places: list[PlaceBrief]
    way: Way
    disabled: bool
    password_once: Annotated[bool, Field(description="Still with its one-time password.")]
    revision: int
    created_at: datetime
    created_by: str


class MadeAccount(Account):
    """An account that was just made."""

    one_time_password: Annotated[
        str | None, Field(description="Shown this once, lasts three days; null with OIDC.")
    ]


class AccountList(BaseModel):
    """Accounts, by login."""

    accounts: list[Account]


class OneTimePassword(BaseModel):
    """A password that is good for choosing another."""

    one_time_password: Annotated[str, Field(description="Shown this once, lasts three days.")]
