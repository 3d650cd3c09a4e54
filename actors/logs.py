"""How every process of the stack logs: one line per event on standard error, by time, name and level.

structlog and the standard library come out the same way, so that Ray's, uvicorn's and our own lines read alike.
"""

import logging
import sys

import structlog

_TALKATIVE = ("alembic", "uvicorn")
"""Say at every start what everybody expects."""


def set_up_logging(level: int = logging.INFO) -> None:
    """Called once by a process's main, before anything logs."""
    logging.basicConfig(
        level=level, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr, force=True
    )
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
