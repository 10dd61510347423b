"""Snakemake's scheduler looks at its jobs no more often than it has to."""

import subprocess
import sys
import threading

from snakemake.scheduling.job_scheduler import JobScheduler

from workflow.campaign.scheduler_timer import one_timer_at_a_time


def test_many_looks_set_one_timer(monkeypatch):
    assert callable(JobScheduler._schedule_reevalutation), "Snakemake has it still, under this name"
    monkeypatch.setattr(JobScheduler, "_schedule_reevalutation", JobScheduler._schedule_reevalutation)
    one_timer_at_a_time()
    scheduler = JobScheduler.__new__(JobScheduler)
    scheduler._open_jobs = threading.Semaphore(0)
    for _ in range(5):
        scheduler._schedule_reevalutation(0.1)
    assert scheduler._open_jobs.acquire(timeout=60)
    assert not scheduler._open_jobs.acquire(timeout=0.5)
    scheduler._schedule_reevalutation(0.01)
    assert scheduler._open_jobs.acquire(timeout=60), "and again, once it has looked"


def test_waiting_jobs_do_not_add_timers(tmp_path):
    """Each job writes how many threads its Snakemake has; a timer is one."""
    (tmp_path / "Snakefile").write_text(
        "from workflow.campaign.scheduler_timer import one_timer_at_a_time\n"
        "one_timer_at_a_time()\n"
        "rule all:\n    input: expand('{i}.txt', i=range(12))\n"
        "rule one:\n    output: '{i}.txt'\n    shell: 'ls /proc/$PPID/task | wc -l > {output}; sleep 0.1'\n"
    )
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--workflow-profile", "none"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    threads = [int((tmp_path / f"{number}.txt").read_text()) for number in range(12)]
    assert max(threads) - min(threads) <= 3
