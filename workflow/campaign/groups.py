"""Which jobs go to a batch system together.

Snakemake puts as many into a group as `--group-components RULE=NUMBER` says. But each time it looks at its jobs again,
as it does after every checkpoint, it puts as many groups together: 40 jobs become 1,600
(github.com/snakemake/snakemake/issues/1217 and 1628). Groups that are named here cannot grow.
"""

from typing import Any


class JobGroups:
    """The groups of a run of Snakemake.

    Args:
        workflow: Snakemake's; its `group_settings` have the size of the groups of each rule, 1 where none is given.
    """

    def __init__(self, workflow: Any) -> None:
        self._workflow = workflow
        self._numbers: dict[tuple[str, str], dict[str, int]] = {}

    def of(self, rule: str, part: str, number: int) -> str:
        """The group of a job.

        Args:
            rule: its rule.
            part: jobs of different parts, samples say, are never in one group.
            number: the job's among those of its part, from 0.
        """
        size = self._workflow.group_settings.group_components.get(rule, 1)
        name = f"{rule}-{part}-{number // size}"
        self._workflow.parent_groupids[name] = rule  # whose size Snakemake takes
        return name

    def in_turn(self, rule: str, part: str, job: str) -> str:
        """The group of a job that has no number: in the order in which they are first asked for."""
        numbers = self._numbers.setdefault((rule, part), {})
        return self.of(rule, part, numbers.setdefault(job, len(numbers)))
