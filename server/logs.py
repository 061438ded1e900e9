"""Log lines: time, process, level, source, text, on standard error."""

import logging
import sys

# They say on INFO what their own start and end are; that is our processes' to say.
_TALKATIVE = ("dramatiq", "uvicorn.error", "uvicorn.access", "mail.log", "tortoise")


def configure_logging(process: str, level: str) -> None:
    """Send this process's log to standard error under its name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        logging.Formatter(f"%(asctime)s {process:<9} %(levelname)-7s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    if level != "DEBUG":
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
