"""What the processes of a training tell the one that started them: log records, and faults of the data.

The started processes know nothing of how logging was set up. The first of them sends its log records through a pipe,
and the parent handles them as its own; the others log nothing. A `DataError` travels the same way, so that the caller
gets it as if one process had trained.
"""

import logging
import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from threading import Thread

from detector.common import logs
from jetimg.common.errors import DataError

_PREPARER = QueueHandler(SimpleQueue())

# Seconds to wait for what the processes sent last.
PATIENCE = 10.0


@dataclass(frozen=True)
class Sender:
    """The end of a process that was started.

    Attributes:
        pipe: to the parent.
        level: of the parent's log.
    """

    pipe: Connection
    level: int

    @contextmanager
    def connected(self, rank: int) -> Iterator[None]:
        """Sends what is logged in here by the first process, and a fault of the data by any."""
        logs.set_level(self.level)
        logging.getLogger().addHandler(_PipeHandler(self.pipe) if rank == 0 else logging.NullHandler())
        try:
            yield
        except DataError as error:
            self.pipe.send(str(error))
            raise


class _PipeHandler(logging.Handler):
    """Sends records; `QueueHandler.prepare` makes them fit for it, since not every argument can be pickled."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        self._pipe.send(_PREPARER.prepare(record))


class Receiver:
    """The end of the parent: handles log records and keeps faults.

    Attributes:
        senders: one for each process.
        faults: texts of the faults that were sent.
    """

    def __init__(self, processes: int) -> None:
        pipes = [multiprocessing.Pipe(duplex=False) for _ in range(processes)]
        level = logging.getLogger(__name__).getEffectiveLevel()
        self.senders = [Sender(writer, level) for _, writer in pipes]
        self.faults: list[str] = []
        self._thread = Thread(target=self._receive, args=([reader for reader, _ in pipes],), daemon=True)
        self._thread.start()

    def started(self) -> None:
        """The processes have their ends of the pipes; without the parent's, each ends with its process."""
        for sender in self.senders:
            sender.pipe.close()

    def close(self) -> None:
        """Waits for what is on its way, when the processes are over."""
        self.started()
        self._thread.join(PATIENCE)

    def _receive(self, readers: Sequence[Connection]) -> None:
        pipes = list(readers)
        while pipes:
            for pipe in wait(pipes):
                assert isinstance(pipe, Connection)
                try:
                    message = pipe.recv()
                except (EOFError, OSError):
                    pipes.remove(pipe)
                    pipe.close()
                    continue
                if isinstance(message, logging.LogRecord):
                    logging.getLogger(message.name).handle(message)
                else:
                    self.faults.append(message)
