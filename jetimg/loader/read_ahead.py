"""Reading ahead in threads: while one part is used, the next ones are read, decompressed and put in order.

Most of that is compiled code that leaves the lock of Python to others, and what a thread read needs no way back from
another process. One thread is enough: a second finds the lock taken too often to gain (docs/results/benchmarks.md).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def read_ahead(read: Callable[[Part], Result], parts: Iterable[Part], threads: int) -> Iterator[Result]:
    """Reads parts, some of them at the same time.

    Args:
        read: reads one.
        parts: what is read.
        threads: as many are read while one is used; 0 for none, without threads.

    Returns:
        what was read, in the order of the parts.

    Raises:
        whatever `read` does, in its place.
    """
    if not threads:
        yield from map(read, parts)
        return
    with ThreadPoolExecutor(threads, "read-ahead") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for part in parts:
                waiting.append(pool.submit(read, part))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
