"""What a request is refused for that has to do with cameras.

ProblemError
├── UnknownCameraError      no such camera, or a foreign one
├── GbIdTakenError          another camera within sight has that identity
├── CredentialsNeededError  the address's host changed, the password didn't come along
├── TwoLoginsError          more than one user or password for one camera
├── CredentialsRefusedError user and password that no worker could use
├── DrillCameraError        drill cameras are the product's own
├── HazardNeedsError        a hazard lacks the zone or scale that it's seen by (in needs.py)
├── UnknownWindowError      no such window at that camera
├── WindowOverError         the window is over already
├── WindowTimesError        no window lies there
└── TooManyWindowsError     as many windows are open or coming as there may be
"""

from uuid import UUID

from service.errors import ProblemError
from service.refusals import Refusal


class UnknownCameraError(ProblemError):
    """No such camera, or one outside the places of who asks: the same answer for both."""

    code = "unknown_camera"
    status = 404
    title = "No such camera"

    def __init__(self, camera_id: str) -> None:
        super().__init__(f"there is no camera {camera_id}: GET /api/cameras lists yours")


class GbIdTakenError(ProblemError):
    """Another camera that the principal may see has the identity."""

    code = "gb_id_taken"
    status = 409
    title = "The GB/T 28181 id is in use"
    field = "gb_id"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the camera {name} has this id: check which of the two is wrong",
            Refusal.GB_ID_TAKEN,
            name=name,
        )


class CredentialsNeededError(ProblemError):
    """Credentials are good for the hosts that they were given for, and no others."""

    code = "credentials_needed"
    status = 422
    title = "User and password are needed again"
    field = "credentials"

    def __init__(self) -> None:
        super().__init__(
            "the address's host, port or scheme changed: give user and password again, or null "
            "to remove them"
        )


class TwoLoginsError(ProblemError):
    """A camera has one login for both streams."""

    code = "two_logins"
    status = 422
    title = "Two different logins"
    field = "credentials"

    def __init__(self) -> None:
        super().__init__(
            "the addresses and credentials name different users or passwords: give one login, "
            "which is used for both streams"
        )


class CredentialsRefusedError(ProblemError):
    """User or password can't be used as they are."""

    code = "credentials_refused"
    status = 422
    title = "User or password can't be used"
    field = "credentials"


class DrillCameraError(ProblemError):
    """A drill camera is made and removed by whoever runs drills on the machine."""

    code = "drill_camera"
    status = 409
    title = "A drill camera"

    def __init__(self) -> None:
        super().__init__("drill cameras come and go with the drills and can't be edited")


class UnknownWindowError(ProblemError):
    """No such window at that camera."""

    code = "unknown_window"
    status = 404
    title = "No such window"

    def __init__(self, camera_id: str, window_id: UUID) -> None:
        super().__init__(
            f"there is no window {window_id}: GET /api/cameras/{camera_id}/windows lists them"
        )


class WindowOverError(ProblemError):
    """Nothing is left to end."""

    code = "window_over"
    status = 409
    title = "The window is over"

    def __init__(self) -> None:
        super().__init__("it has ended already: there is nothing more to do")


class WindowTimesError(ProblemError):
    """A window can't lie where it's wanted. The text says what to do."""

    code = "window_times"
    status = 422
    title = "The window's times can't be taken"
    field = "ends_at"


class TooManyWindowsError(ProblemError):
    """As many windows as a worker takes."""

    code = "too_many_windows"
    status = 409
    title = "Too many windows"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"{most} windows are open or coming at this camera: end those that aren't needed",
            Refusal.WINDOWS_MANY,
            most=most,
        )
