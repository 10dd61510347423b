import logging
import os

import pytest
import torch
from torch.multiprocessing.spawn import ProcessRaisedException

from jetimg.common.errors import BadFile, DataError
from models.training import distributed
from models.training.distributed import Worker

logger = logging.getLogger("models.training.test")


def one_finds_a_bad_file(worker: Worker, path) -> None:
    """The other one waits for its answer, and fails in words of its own."""
    if worker.rank == 1:
        raise BadFile(path, "unreadable", "no HDF5 file")
    worker.summed(torch.ones(1))


def both_log(worker: Worker) -> None:
    logger.info("rank %d of %d", worker.rank, worker.world_size)
    logger.debug("of no interest")


def a_bug(worker: Worker) -> None:
    raise RuntimeError(f"a bug in {worker.rank}")


def one_is_killed(worker: Worker) -> None:
    if worker.rank == 0:
        os.kill(os.getpid(), 9)
    worker.summed(torch.ones(1))


def test_a_fault_of_the_data_in_one_process_is_one_line_for_the_caller(tmp_path) -> None:
    with pytest.raises(DataError, match=r"x\.h5: unreadable: no HDF5 file$"):
        distributed.run(one_finds_a_bad_file, "cpu", 2, tmp_path / "x.h5")


def test_the_first_process_logs_as_if_it_were_the_caller(caplog) -> None:
    caplog.set_level("INFO", "models")
    distributed.run(both_log, "cpu", 2)
    assert caplog.record_tuples == [("models.training.test", logging.INFO, "rank 0 of 2")]


def test_other_errors_keep_their_traceback() -> None:
    with pytest.raises(ProcessRaisedException, match="a bug in"):
        distributed.run(a_bug, "cpu", 2)


def test_a_process_that_is_killed_ends_the_run() -> None:
    with pytest.raises(torch.multiprocessing.ProcessExitedException, match="SIGKILL"):
        distributed.run(one_is_killed, "cpu", 2)
