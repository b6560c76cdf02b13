"""What a request for statistics is refused for.

ProblemError
└── PeriodError    the days are none, or too many
"""

from service.errors import ProblemError


class PeriodError(ProblemError):
    """The last day lies before the first, or too far after it."""

    code = "statistics_period"
    status = 422
    title = "Not a period"
    field = "to"

    def __init__(self, most_days: int) -> None:
        super().__init__(
            f"give a first day and a last one, at most {most_days} days, of the years 2000 to 2199",
            None,
            most_days=most_days,
        )
