"""What files of cameras, and requests about them, are refused for.

RefusedError
└── FileRefusedError           nothing of the file can be taken
    └── DefaultRefusedError    no row could have what is to count for all of them

UnwantedError                  nobody wants the file read any more

ProblemError
├── UnknownCameraImportError   no such import, or another account's
│   └── GoneCameraImportError  it was kept as long as imports are
├── CameraImportStateError     it is not at the point where that can be done
├── CameraImportBusyError      this replica works on another file
├── CameraImportTooLargeError  more bytes than are taken at once
└── CameraImportTooSlowError   the file doesn't come to an end
"""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from service.errors import ProblemError
from service.refusals import Param, Refusal, RefusedError


class FileRefusedError(RefusedError):
    """Nothing of the file can be taken. The text says what to do."""


class DefaultRefusedError(FileRefusedError):
    """No row could have what is to count for all of them; ``column`` tells which default."""

    def __init__(self, column: str, code: Refusal, said: str, /, **params: Param) -> None:
        super().__init__(code, f"the default for {column} can't be taken: {said}", **params)
        self.column = column


class UnwantedError(Exception):
    """Nobody wants the file read any more; whoever reads it lets this pass."""


class UnknownCameraImportError(ProblemError):
    """No such import, or another account's: the same answer for both."""

    code = "unknown_camera_import"
    status = 404
    title = "No such import"

    def __init__(self, import_id: UUID) -> None:
        super().__init__(f"there is no import {import_id}: GET /api/camera-imports lists yours")


class GoneCameraImportError(UnknownCameraImportError):
    """It was kept as long as imports are. The text says why it went."""

    def __init__(self, said: str, reason: Refusal, /, **params: Param) -> None:
        ProblemError.__init__(self, said, reason, **params)


class CameraImportStateError(ProblemError):
    """It is not at the point where that can be done. The text says what to do."""

    code = "camera_import_state"
    status = 409
    title = "The import is not ready for that"


class CameraImportBusyError(ProblemError):
    """One file at a time: each costs as much memory and time as a hundred other requests."""

    code = "camera_import_busy"
    status = 503
    title = "Another import is under way"
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "5"})

    def __init__(self) -> None:
        super().__init__("the service works on another import: ask again in some seconds")


class CameraImportTooLargeError(ProblemError):
    """More bytes than are taken at once."""

    code = "camera_import_too_large"
    status = 413
    title = "The file is too large"

    def __init__(self, most_bytes: int) -> None:
        super().__init__(
            f"a file has at most {most_bytes // 1024 // 1024} MB: split it, a county a file"
        )


class CameraImportTooSlowError(ProblemError):
    """The file took longer to arrive than anybody waits."""

    code = "camera_import_too_slow"
    status = 408
    title = "The file takes too long to arrive"
    headers: Mapping[str, str] = MappingProxyType({"Connection": "close"})

    def __init__(self, limit_s: float, least_bytes_per_s: int) -> None:
        super().__init__(
            f"a file has to arrive within {limit_s:.0f} s and with {least_bytes_per_s // 1024} KB "
            "a second: split it, or send it again over a better line"
        )
