"""Lines of progress where a run has no terminal, as under nohup or in a batch job: its bars are for terminals."""

import logging
import sys
import time

from snakemake.api import Workflow
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

# Seconds from one line to the next.
EVERY = 60.0


class ProgressLines(logging.Handler):
    """Prints how many jobs are done, at most once a minute and at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Prints a line if the record says how far Snakemake is."""
        if getattr(record, "event", None) != LogEvent.PROGRESS:
            return
        done, total = record.__dict__["done"], record.__dict__["total"]
        now = time.monotonic()
        if now < self._next and done < total:
            return
        self._next = now + EVERY
        print(f"{time.strftime('%d %b %H:%M')}: {done:,} of {total:,} jobs done", file=sys.stderr, flush=True)


def lines_without_terminal(workflow: Workflow) -> None:
    """Has Snakemake print such lines where its bars would not be seen; its other loggers print lines of their own."""
    bars = [one for one in workflow.logger_manager.plugin_handlers if "logger_plugin_rich" in type(one).__module__]
    if bars and workflow.is_main_process and not sys.stderr.isatty():
        logger.addHandler(ProgressLines())
