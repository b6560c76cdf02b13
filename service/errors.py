"""The service's exceptions.

ServiceError                code and what to do next; the root
├── BadSettingError         a setting that nothing can be started with
├── NotLoopbackError        asked to listen where others could listen in
├── DatabaseUnusableError   the database can't be opened or migrated
└── ProblemError            an answer to a client (RFC 9457)
    ├── UnknownIncidentError
    └── FeedFullError
"""

from collections.abc import Mapping
from types import MappingProxyType


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


class UnknownIncidentError(ProblemError):
    """No incident has that id."""

    code = "unknown_incident"
    status = 404
    title = "No such incident"


class FeedFullError(ProblemError):
    """As many feeds are open as the service serves."""

    code = "feed_full"
    status = 503
    title = "Too many live feeds"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})
