"""What a request is refused for that has to do with accounts.

ProblemError
├── UnauthenticatedError        nobody is logged in here
├── ForbiddenError              the role or token may not
├── PasswordChangeRequiredError a one-time password is good for choosing another only
├── SessionNeededError          not with a token
├── CsrfError                   the page's own token is missing
├── WrongLoginError             login or password
├── TooManyAttemptsError        wait first
├── BusyError                   as many logins are under way as memory and threads allow
├── OidcUnavailableError        the identity provider doesn't answer as it should
├── NoProviderError             none is set
├── UnknownAccountError         no such account, or a foreign one
├── UnknownTokenError           no such token, or somebody else's
├── LoginTakenError             two accounts can't have one login
├── WeakPasswordError           too easy to guess
├── TooManyTokensError          as many as an account may have
├── BeyondScopesError           a token can't do more than its account
├── NoPasswordError             the account logs in at the identity provider
├── NoIdentityError             the account logs in with a password
├── OwnPasswordError            one's own is changed by who knows it
└── LastAdminError              somebody must be left who can manage accounts
"""

from collections.abc import Mapping
from types import MappingProxyType

from service.errors import ProblemError


class UnauthenticatedError(ProblemError):
    """No session and no token, or one that is no longer good. Which of these isn't told."""

    code = "unauthenticated"
    status = 401
    title = "Not logged in"
    headers: Mapping[str, str] = MappingProxyType({"WWW-Authenticate": 'Bearer realm="fengsui"'})

    def __init__(self) -> None:
        super().__init__(
            "log in at POST /api/session, or send Authorization: Bearer with a token that is "
            "neither expired nor revoked"
        )


class ForbiddenError(ProblemError):
    """The role, or the token's scopes, don't hold the permission."""

    code = "forbidden"
    status = 403
    title = "Not allowed"

    def __init__(self, permission: str) -> None:
        super().__init__(
            f"this needs the permission {permission}: ask an administrator for a role that has "
            "it or, with a token, make one with that scope"
        )


class PasswordChangeRequiredError(ProblemError):
    """The account's password is a one-time one."""

    code = "password_change_required"
    status = 403
    title = "The one-time password must be replaced"

    def __init__(self) -> None:
        super().__init__("choose a password of your own at POST /api/session/password first")


class SessionNeededError(ProblemError):
    """A token was given where a person must be."""

    code = "session_needed"
    status = 403
    title = "Not with a token"

    def __init__(self) -> None:
        super().__init__(
            "log in with login and password: a token manages no accounts, passwords or tokens"
        )


class CsrfError(ProblemError):
    """The request came with the cookie but without the page's own token."""

    code = "csrf"
    status = 403
    title = "The page's own token is missing"

    def __init__(self) -> None:
        super().__init__("send the csrf_token of GET /api/session as X-CSRF-Token")


class WrongLoginError(ProblemError):
    """Which of the two was wrong isn't told, nor whether the account is disabled."""

    code = "wrong_login"
    status = 401
    title = "Login or password is wrong"
    headers: Mapping[str, str] = MappingProxyType({"WWW-Authenticate": 'Bearer realm="fengsui"'})

    def __init__(self) -> None:
        super().__init__(
            "check both; an administrator gives a new one-time password, which lasts three days"
        )


class _WaitError(ProblemError):
    """Come back later."""

    def __init__(self, wait_s: int, detail: str) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(wait_s)}


class TooManyAttemptsError(_WaitError):
    """Too many wrong passwords, for this login or from this address."""

    code = "too_many_attempts"
    status = 429
    title = "Too many wrong passwords"

    def __init__(self, wait_s: int) -> None:
        super().__init__(wait_s, f"wait {wait_s} s, then try once more")


class BusyError(_WaitError):
    """As many logins are under way at once as memory, processor and threads allow."""

    code = "busy"
    status = 503
    title = "Too many logins at once"

    def __init__(self) -> None:
        super().__init__(2, "try again in a moment")


class OidcUnavailableError(ProblemError):
    """The identity provider can't be gone to."""

    code = "oidc_unavailable"
    status = 503
    title = "The identity provider can't be used"


class NoProviderError(ProblemError):
    """No identity provider is set."""

    code = "no_provider"
    status = 404
    title = "No identity provider"

    def __init__(self) -> None:
        super().__init__("none is set: log in with a password")


class UnknownAccountError(ProblemError):
    """No such account, or one outside the places of who asks."""

    code = "unknown_account"
    status = 404
    title = "No such account"

    def __init__(self, account_id: object) -> None:
        super().__init__(f"there is no account {account_id}: GET /api/accounts lists them")


class UnknownTokenError(ProblemError):
    """No such token, or somebody else's."""

    code = "unknown_token"
    status = 404
    title = "No such token"

    def __init__(self, token_id: object) -> None:
        super().__init__(f"there is no token {token_id}: GET /api/tokens lists yours")


class LoginTakenError(ProblemError):
    """The login is another account's, here or in a foreign place."""

    code = "login_taken"
    status = 409
    title = "The login is taken"
    field = "login"

    def __init__(self) -> None:
        super().__init__("choose another login; capitals don't tell two apart")


class WeakPasswordError(ProblemError):
    """Too easy to guess."""

    code = "weak_password"
    status = 422
    title = "The password is too weak"
    field = "new_password"


class TooManyTokensError(ProblemError):
    """As many tokens are good as an account may have."""

    code = "too_many_tokens"
    status = 409
    title = "Too many tokens"

    def __init__(self, limit: int) -> None:
        super().__init__(f"an account has {limit} at most: revoke one that nothing uses")


class BeyondScopesError(ProblemError):
    """A scope that the account's role doesn't hold, or no token does."""

    code = "beyond_role"
    status = 422
    title = "The role doesn't allow that much"
    field = "scopes"

    def __init__(self, scopes: str) -> None:
        super().__init__(f"no token of your role can hold {scopes}: leave it out")


class NoPasswordError(ProblemError):
    """The account has no password here."""

    code = "no_password"
    status = 409
    title = "The account has no password"

    def __init__(self) -> None:
        super().__init__("it logs in at the identity provider: change the password there")


class NoIdentityError(ProblemError):
    """The account is bound to no identity, and never will be."""

    code = "no_identity"
    status = 409
    title = "The account has a password"

    def __init__(self) -> None:
        super().__init__("it logs in here: give it a one-time password instead")


class OwnPasswordError(ProblemError):
    """A one-time password for oneself would be a way around knowing the present one."""

    code = "own_password"
    status = 409
    title = "One's own password"

    def __init__(self) -> None:
        super().__init__(
            "change your own at POST /api/session/password; if it is forgotten, another "
            "administrator or the host gives a one-time password"
        )


class LastAdminError(ProblemError):
    """Nobody would be left who could manage every account."""

    code = "last_admin"
    status = 409
    title = "The last administrator of the installation"

    def __init__(self) -> None:
        super().__init__("make another administrator of the whole installation first")
