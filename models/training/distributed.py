"""Several processes, one for each GPU, that train one network.

`torch.multiprocessing` starts them, from whichever command trains. torchrun would be another command, that has to be
told how many GPUs there are and that repeats on each of them what is checked before; within Python
(`torch.distributed.launcher`) it would only save `_free_port`, and hide the error in a page of its own output.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed
from torch.multiprocessing.spawn import ProcessRaisedException, spawn

from jetimg.common.errors import DataError
from models.trained import device as devices
from models.training.messages import Receiver, Sender


@dataclass(frozen=True)
class Worker:
    """One process among those of a run.

    Attributes:
        rank: its number.
        world_size: how many there are.
        device: where it computes.
    """

    rank: int
    world_size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def summed(self, values: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.world_size > 1:
            distributed.all_reduce(values)
        return values


def run(work: Callable[..., None], device: str, processes: int | None, *arguments: Any) -> None:
    """Calls `work(worker, *arguments)`: in this process, or in one for each GPU.

    Args:
        work: a function of a module.
        device: "cpu", "cuda", or "auto" for GPUs where there are any.
        processes: how many; all GPUs, or one on the CPU, if None.
        arguments: handed on.

    Raises:
        CallError: no such device here.
        DataError: the first that one of the processes raised.
    """
    kind = devices.chosen(device)
    world_size = processes or (max(torch.cuda.device_count(), 1) if kind == "cuda" else 1)
    if world_size == 1:
        work(Worker(0, 1, torch.device(kind, 0) if kind == "cuda" else torch.device(kind)), *arguments)
        return
    receiver = Receiver(world_size)
    try:
        started = (work, kind, receiver.senders, _free_port(), arguments)
        context = spawn(_process, started, nprocs=world_size, join=False)  # type: ignore[no-untyped-call]
        receiver.started()
        while not context.join():
            pass
    except ProcessRaisedException as error:
        receiver.close()
        if receiver.faults:
            raise DataError(receiver.faults[0]) from error
        raise
    finally:
        receiver.close()


def _process(
    rank: int, work: Callable[..., None], kind: str, senders: list[Sender], port: int, arguments: tuple[Any, ...]
) -> None:
    world_size = len(senders)
    device = torch.device(kind, rank) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(max((os.cpu_count() or 1) // world_size, 1))
    # The fault is sent before the group is left: what the others raise then is a consequence of it.
    with _group(rank, world_size, "nccl" if kind == "cuda" else "gloo", port), senders[rank].connected(rank):
        work(Worker(rank, world_size, device), *arguments)


@contextmanager
def _group(rank: int, world_size: int, backend: str, port: int) -> Iterator[None]:
    distributed.init_process_group(backend, init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world_size)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
