"""The service's exceptions.

ServiceError                code and what to do next; the root
├── BadSettingError         a setting that nothing can be started with
├── NotLoopbackError        asked to listen where others could listen in
├── DatabaseUnusableError   the database can't be opened or migrated
└── ProblemError            an answer to a client (RFC 9457)
    ├── UnknownIncidentError
    ├── EverywhereOnlyError
    ├── FeedFullError
    └── TooManyFeedsError
"""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from service.refusals import Param, Refusal


class ServiceError(Exception):
    """Anything this room raises by intention. The text says what to do."""

    code = "service_error"


class BadSettingError(ServiceError):
    """A setting is not what it should be."""

    code = "bad_setting"


class NotLoopbackError(ServiceError):
    """The address is not loopback, and nothing there speaks TLS."""

    code = "not_loopback"


class DatabaseUnusableError(ServiceError):
    """The database can't be used as it is."""

    code = "database_unusable"


class ProblemError(ServiceError):
    """Told to an HTTP client as problem details."""

    code = "problem"
    status = 500
    title = "The request failed"
    field: str | None = None
    """The field of the request that it is about, if it's about one."""
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, said: str, reason: Refusal | None = None, /, **params: Param) -> None:
        """Make one; ``reason`` tells more than the code, ``params`` are for words about it."""
        super().__init__(said)
        self.reason = reason
        self.params = params


class UnknownIncidentError(ProblemError):
    """No incident has that id."""

    code = "unknown_incident"
    status = 404
    title = "No such incident"

    def __init__(self, incident_id: UUID) -> None:
        super().__init__(
            f"there is no incident {incident_id}: /api/incidents lists those there are"
        )


class EverywhereOnlyError(ProblemError):
    """It tells of the whole installation, and the account was given a part of it."""

    code = "forbidden"
    status = 403
    title = "Not allowed to this account"

    def __init__(self) -> None:
        super().__init__(
            "this tells of the whole installation: an administrator can give the account place 0"
        )


class FeedFullError(ProblemError):
    """As many feeds are open as the service serves."""

    code = "feed_full"
    status = 503
    title = "Too many live feeds"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})


class TooManyFeedsError(ProblemError):
    """One account has as many feeds open as one may."""

    code = "too_many_feeds"
    status = 429
    title = "Too many live feeds of this account"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})
