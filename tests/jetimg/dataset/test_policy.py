"""Bad files: none by default, or a stated share of each sample."""

import pytest

from jetimg.common.errors import DataError
from jetimg.dataset.plan import Input, Source
from jetimg.dataset.policy import Policy, apply, table


def source(sample: str, n_good: int, n_bad: int) -> Source:
    good = [Input(name=f"{sample}{k}", sha256="a", entries=10, verdict="ok", reason="") for k in range(n_good)]
    bad = [
        Input(name=f"{sample}_bad{k}", sha256="", entries=4, verdict="short", reason="4 of 10", expected=10)
        for k in range(n_bad)
    ]
    return Source(path=f"{sample}.h5", sample=sample, test=False, inputs=(*good, *bad))


@pytest.mark.parametrize(
    ("bad_files", "share", "n_good", "n_bad", "allowed"),
    [
        ("fail", 0.0, 5, 0, True),
        ("fail", 0.0, 99, 1, False),
        ("fail", 1.0, 99, 1, False),  # a share counts with skip only
        ("skip", 0.05, 19, 1, True),  # exactly the share
        ("skip", 0.05, 18, 1, False),
        ("skip", 0.0, 99, 1, False),
        ("skip", 0.0, 99, 0, True),
        ("skip", 1.0, 1, 3, True),
    ],
)
def test_what_is_allowed(bad_files: str, share: float, n_good: int, n_bad: int, allowed: bool) -> None:
    policy = Policy.model_validate({"bad_files": bad_files, "max_bad_share": share})
    if allowed:
        apply(policy, [source("tt", n_good, n_bad)])
    else:
        with pytest.raises(DataError, match="bad input files in tt"):
            apply(policy, [source("tt", n_good, n_bad)])


def test_nothing_but_bad_files_is_refused_with_the_table() -> None:
    with pytest.raises(DataError, match=r"every input file is bad\n(.|\n)*3 short"):
        apply(Policy(bad_files="skip", max_bad_share=1.0), [source("tt", 0, 3)])


def test_the_share_is_of_each_sample_over_all_its_event_files() -> None:
    policy = Policy(bad_files="skip", max_bad_share=0.25)
    apply(policy, [source("tt", 0, 1), source("tt", 3, 0)])
    with pytest.raises(DataError, match="bad input files in bb "):
        apply(policy, [source("tt", 30, 0), source("bb", 1, 1)])


def test_the_refusal_shows_every_bad_file_and_the_way_out() -> None:
    with pytest.raises(DataError) as caught:
        apply(Policy(), [source("tt", 2, 2), source("bb", 1, 0)])
    text = str(caught.value)
    assert "tt_bad0: short: 4 of 10" in text
    assert "tt_bad1: short: 4 of 10" in text
    assert "bad_files: skip" in text
    assert "2 short" in text
    assert "correct `events_per_file`" in text


def test_the_table_counts_asked_and_present() -> None:
    rows = {line.split()[0]: line.split()[1:] for line in table([source("tt", 2, 1), source("bb", 1, 0)]).splitlines()}
    assert rows["tt"] == ["3", "1", "30", "20"]
    assert rows["bb"] == ["1", "0", "10", "10"]
