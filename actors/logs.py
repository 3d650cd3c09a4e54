"""How every process of the stack logs: one line per event on standard error, by time, name and level.

structlog and the standard library come out the same way, so that Ray's, uvicorn's and our own lines read alike.
"""

import logging
import re
import sys

import structlog

_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_TALKATIVE = ("alembic", "uvicorn")
"""Say at every start what everybody expects."""


class OneEvent(logging.Formatter):
    """A line that begins with a time was written by us: what a caller sent can neither begin one nor move the cursor.

    Control and bidirectional characters are shown as escapes; what follows a line break, as in tracebacks, is indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return escaped(super().format(record)).replace("\n", "\n    ")


def escaped(text: str) -> str:
    """`text` with control and bidirectional characters but line feeds as escapes."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)


def to_standard_error() -> logging.Handler:
    """The one handler of a process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneEvent(_FORMAT))
    return handler


def set_up_logging(level: int = logging.INFO) -> None:
    """Called once by a process's main, before anything logs."""
    logging.basicConfig(level=level, handlers=[to_standard_error()], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"], drop_missing=True),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
