"""A figure with its error bar."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Lowest, middle and highest of one figure."""

    low: float
    """As in the cheapest measurement."""
    median: float
    """As in the middle one."""
    high: float
    """As in the dearest."""

    def __add__(self, other: "Range") -> "Range":
        """Return the sum, all low or all high at once: the widest it can be."""
        return Range(
            low=self.low + other.low,
            median=self.median + other.median,
            high=self.high + other.high,
        )

    def __mul__(self, factor: float) -> "Range":
        return self.mapped(lambda value: value * factor)

    def __truediv__(self, divisor: float) -> "Range":
        return self.mapped(lambda value: value / divisor)

    def mapped(self, function: Callable[[float], float]) -> "Range":
        """Return the range of a function that never falls."""
        return Range(low=function(self.low), median=function(self.median), high=function(self.high))

    def whole(self) -> "Range":
        """Return it rounded up to whole things, one at least; what rounding left over is none."""
        return self.mapped(lambda value: max(1, ceil(round(value, 9))))

    def described(self, digits: int = 3) -> dict[str, float]:
        """Return it for JSON."""
        named = {"low": self.low, "median": self.median, "high": self.high}
        return {
            name: value if isinstance(value, int) else round(value, digits)
            for name, value in named.items()
        }


def sure(value: float) -> Range:
    """Return a figure without an error bar."""
    return Range(low=value, median=value, high=value)


def widest(*ranges: Range) -> Range:
    """Return the largest of each."""
    return Range(
        low=max(one.low for one in ranges),
        median=max(one.median for one in ranges),
        high=max(one.high for one in ranges),
    )
