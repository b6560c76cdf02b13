"""How every process of the product writes its log: one line an event, key=value, on stderr.

structlog and whatever logs by the standard library end at one handler. It takes passwords out of
the finished text, traces of uncaught exceptions included, and lets no name begin a line of its own.
"""

import logging
import re
import sys
import threading
from types import TracebackType
from typing import Any, Final

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict

from pipelines.secrets import MASK, names_secret, redact

OURS: Final = "fengsui"
"""The logger of the product's own events; of a library's, only warnings are shown."""

_WRITTEN_HERE: Final = frozenset({"timestamp", "level"})

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure(worker: str | None = None) -> None:
    """Set logging up; called once by each command that runs a process.

    ``worker`` is named in every line, where several write into one log.
    """
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Formatter({} if worker is None else {"worker": worker}))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(OURS).setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: logging.getLogger(OURS),
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


class _Formatter(ProcessorFormatter):
    """Renders as logfmt, then redacts."""

    def __init__(self, always: dict[str, str]) -> None:
        super().__init__(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.StackInfoRenderer(),
                lambda _logger, _method, event: {**event, **always},
                _redacted_values,
                structlog.processors.LogfmtRenderer(
                    key_order=["timestamp", "level", "event", *always]
                ),
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if not isinstance(record.msg, dict):  # of our own, each value was, and the keys are ours
            text = redact(text)
        return _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)


def _redacted_values(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Redact before quotes and backslashes are written in another way."""
    return {
        name: value if name in _WRITTEN_HERE else MASK if names_secret(name) else _redacted(value)
        for name, value in event.items()
    }


def _redacted(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


class _Handler(logging.StreamHandler[Any]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say that a line was lost; logging's own words would repeat its arguments."""
        del record
        kind = type(sys.exception()).__name__
        if sys.stderr:
            sys.stderr.write(f"level=error event=log_line_lost error={kind}\n")


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        structlog.get_logger().critical("crashed", exc_info=(kind, error, trace))


def _uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None and not issubclass(given.exc_type, SystemExit):
        structlog.get_logger().critical(
            "thread_crashed",
            thread=given.thread.name if given.thread else "",
            exc_info=(given.exc_type, given.exc_value, given.exc_traceback),
        )


def _unraisable(given: "sys.UnraisableHookArgs") -> None:
    if given.exc_value is not None:
        structlog.get_logger().error(
            "unraisable", exc_info=(given.exc_type, given.exc_value, given.exc_traceback)
        )
