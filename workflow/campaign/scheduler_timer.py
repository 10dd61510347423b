"""A scheduler that looks at its jobs when one has ended, and once a second.

After each look Snakemake 9.27 sets a timer of a second for the next one, as its limit of jobs a second may let more of
them run then; but a job that ends makes it look as well, and each such look begins a row of timers that only ends when
no job waits. Where hundreds wait for two cores, it soon looks hundreds of times a second. One timer at a time does the
same.
"""

from threading import Timer

from snakemake.scheduling.job_scheduler import JobScheduler


def one_timer_at_a_time() -> None:
    """Changes Snakemake's scheduler."""
    JobScheduler._schedule_reevalutation = _schedule


def _schedule(self: JobScheduler, delay: float) -> None:
    """Has the scheduler look again after so many seconds, unless it will anyway."""
    if getattr(self, "timer_runs", False):
        return
    self.timer_runs = True

    def look() -> None:
        self.timer_runs = False
        self._open_jobs.release()

    Timer(delay, look).start()
