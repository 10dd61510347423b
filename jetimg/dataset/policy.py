"""What a run does about bad input files."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from jetimg.common.errors import DataError
from jetimg.common.schema import StrictModel
from jetimg.dataset.plan import Input, Source


class Policy(StrictModel):
    """Whether a data set is made while input files are bad."""

    bad_files: Literal["fail", "skip"] = Field(
        default="fail",
        description="fail: no data set while a file is bad; skip: go on without the bad ones, up to max_bad_share",
    )
    max_bad_share: float = Field(
        default=0.05, ge=0, le=1, description="with skip: the largest share of a sample's files that may be bad"
    )


def apply(policy: Policy, sources: Sequence[Source]) -> None:
    """Refuses a campaign with more bad files than the policy allows, or without a good one.

    Raises:
        DataError: with a table: sample, files, events present, and each bad file with its verdict.
    """
    files: defaultdict[str, list[Input]] = defaultdict(list)
    for source in sources:
        files[source.sample] += source.inputs
    allowed = policy.max_bad_share if policy.bad_files == "skip" else 0.0
    refused = [name for name, rows in files.items() if _bad_share(rows) > allowed]
    if refused:
        limit = f"a share of {allowed:g} a sample" if allowed else "none"
        remedy = "make or copy them again, or allow more with `policy: {bad_files: skip, max_bad_share: ...}`"
        if any(row.verdict == "short" for name in refused for row in files[name]):
            remedy += "; if short files are as they should be, correct `events_per_file`"
        raise DataError(f"bad input files in {', '.join(refused)} (allowed: {limit}); {remedy}\n{table(sources)}")
    if not any(row.ok for rows in files.values() for row in rows):
        raise DataError(f"no events for shards: every input file is bad\n{table(sources)}")


def table(sources: Sequence[Source]) -> str:
    """Counts a sample, then every bad file: sample, asked, present, failed, why."""
    lines = [f"{'sample':<10} {'files':>6} {'bad':>5} {'asked':>9} {'present':>9}"]
    for sample in sorted({source.sample for source in sources}):
        rows = [file for source in sources if source.sample == sample for file in source.inputs]
        asked = sum(file.expected if file.expected is not None else file.entries for file in rows)
        present = sum(file.entries for file in rows if file.ok)
        bad = sum(not file.ok for file in rows)
        lines.append(f"{sample:<10} {len(rows):>6} {bad:>5} {asked:>9} {present:>9}")
    bad_files = [file for source in sources for file in source.inputs if not file.ok]
    lines += [f"{file.name}: {file.verdict}: {file.reason}" for file in bad_files]
    counts = Counter(file.verdict for file in bad_files)
    return "\n".join([*lines, *(f"{number} {verdict}" for verdict, number in counts.most_common())])


def _bad_share(rows: Sequence[Input]) -> float:
    return sum(not row.ok for row in rows) / max(len(rows), 1)
