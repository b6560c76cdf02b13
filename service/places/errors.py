"""What a request is refused for that has to do with places.

ProblemError
├── NoSuchPlaceError      asked for one that isn't there, or a foreign one
├── UnknownPlaceError     named one that isn't there, or a foreign one
├── PlaceCodeRefusedError the code is no place's, or not of that level, or not below that parent
├── PlaceTakenError       the code is in use
├── PlaceBetweenError     the tree already has something between parent and child
├── PlaceInUseError       something hangs on it
├── RootPlaceError        the root stays what it is
├── ImportUnreadableError the file is no list of places
├── ImportTooLargeError   more bytes than are taken at once
├── ImportTooLongError    more rows than one import takes
├── ImportTooSlowError    the file doesn't come to an end
└── ImportBusyError       another import is under way, or others change the tree all the time
"""

from collections.abc import Mapping
from types import MappingProxyType

from service.errors import ProblemError
from service.refusals import Refusal, RefusedError


class NoSuchPlaceError(ProblemError):
    """No such place, or one outside the places of who asks: the same answer for both."""

    code = "unknown_place"
    status = 404
    title = "No such place"

    def __init__(self, place_code: str) -> None:
        super().__init__(f"there is no place {place_code}: GET /api/places lists yours")


class UnknownPlaceError(ProblemError):
    """A place that a request names; absent and foreign are the same answer."""

    code = "unknown_place"
    status = 422
    title = "No such place"

    def __init__(self, place_code: str, field: str) -> None:
        super().__init__(f"there is no place {place_code}: GET /api/places lists yours")
        self.field = field


class PlaceCodeRefusedError(ProblemError):
    """The code says something else than the request."""

    code = "place_code"
    status = 422
    title = "Not a code for that place"
    field = "code"

    def __init__(self, fault: RefusedError) -> None:
        super().__init__(str(fault), fault.code, **fault.params)


class PlaceTakenError(ProblemError):
    """A place has that code."""

    code = "place_taken"
    status = 409
    title = "The code is in use"
    field = "code"

    def __init__(self, place_code: str) -> None:
        super().__init__(f"{place_code} is there already: rename it, or check the code")


class PlaceBetweenError(ProblemError):
    """Whoever may see the place in between could otherwise not see what belongs below it."""

    code = "place_between"
    status = 409
    title = "The tree has a place in between"


class PlaceInUseError(ProblemError):
    """Something hangs on the place."""

    code = "place_in_use"
    status = 409
    title = "The place is in use"


class RootPlaceError(ProblemError):
    """The root can't be removed."""

    code = "place_in_use"
    status = 409
    title = "The root stays"

    def __init__(self) -> None:
        said = "0 is the installation itself: everything hangs on it"
        super().__init__(said, Refusal.PLACE_ROOT)


class ImportUnreadableError(ProblemError):
    """The file as a whole can't be read as a list of places."""

    code = "import_unreadable"
    status = 422
    title = "Not a list of places"


class ImportTooLargeError(ProblemError):
    """More bytes than are taken at once."""

    code = "import_too_large"
    status = 413
    title = "The file is too large"

    def __init__(self, most_bytes: int) -> None:
        super().__init__(
            f"a file has at most {most_bytes // 1024 // 1024} MB: split it, cities and counties "
            "first",
            Refusal.FILE_SIZE,
            most_mb=most_bytes // 1024 // 1024,
        )


class ImportTooLongError(ProblemError):
    """More rows than one import takes."""

    code = "import_too_large"
    status = 413
    title = "The file is too large"

    def __init__(self, most_rows: int) -> None:
        super().__init__(
            f"a file has at most {most_rows} rows: split it, cities and counties first",
            Refusal.FILE_ROWS,
            most_rows=most_rows,
        )


class ImportTooSlowError(ProblemError):
    """The file took longer to arrive than anybody waits."""

    code = "import_too_slow"
    status = 408
    title = "The file takes too long to arrive"
    headers: Mapping[str, str] = MappingProxyType({"Connection": "close"})

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"a file has to arrive within {limit_s:.0f} s: split it, or send it again")


class ImportBusyError(ProblemError):
    """One import at a time: each costs as much memory and time as a hundred other requests."""

    code = "import_busy"
    status = 503
    title = "The tree is being changed"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})

    def __init__(self) -> None:
        super().__init__(
            "another import or others' changes of the tree are under way: send the file again in "
            "some seconds"
        )
