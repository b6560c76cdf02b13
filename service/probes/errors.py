"""What a request about probes is refused for.

ProblemError
├── UnknownProbesError        no such batch, or none of its cameras is one's own
├── PlacePictureTodayError    one was made or asked for within a day
└── UnknownPlacePictureError  there is none to be shown
"""

from datetime import datetime
from uuid import UUID

from service.errors import ProblemError


class UnknownProbesError(ProblemError):
    """No such batch, or a foreign one: the same answer for both."""

    code = "unknown_probes"
    status = 404
    title = "No such probes"

    def __init__(self, batch_id: UUID) -> None:
        super().__init__(
            f"there is no batch {batch_id}: GET /api/probes lists yours; they go after 30 days"
        )


class PlacePictureTodayError(ProblemError):
    """One place picture a camera and day."""

    code = "place_picture_today"
    status = 409
    title = "One place picture a camera and day"

    def __init__(self, again_at: datetime) -> None:
        super().__init__(
            f"one was made or asked for already: ask again from {again_at.isoformat()} on, or "
            "probe it without a place picture",
            again_at=again_at.isoformat(),
        )


class UnknownPlacePictureError(ProblemError):
    """There is no place picture to be shown of that camera."""

    code = "unknown_place_picture"
    status = 404
    title = "No place picture"

    def __init__(self) -> None:
        super().__init__(
            "none was made yet, or its time is over: POST /api/probes with place_pictures takes one"
        )
