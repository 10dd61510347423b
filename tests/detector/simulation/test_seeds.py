"""Seeds depend on what is made, and on nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from detector.simulation import seeds


@given(st.integers(0, 2**64), st.text(max_size=8), st.integers(0, 10**6))
def test_pythia_takes_every_seed(campaign: int, sample: str, index: int) -> None:
    assert 1 <= seeds.generator(campaign, sample, index) <= 900_000_000


def test_the_same_file_gets_the_same_numbers() -> None:
    assert seeds.generator(7, "tt", 3) == seeds.generator(7, "tt", 3)
    assert seeds.detector(7, "tt", 3).random() == seeds.detector(7, "tt", 3).random()


def test_campaign_sample_and_index_all_matter() -> None:
    jobs = [(7, "tt", 3), (8, "tt", 3), (7, "bb", 3), (7, "tt", 4)]
    assert len({seeds.generator(*job) for job in jobs}) == len(jobs)
    assert len({seeds.detector(*job).random() for job in jobs}) == len(jobs)


def test_seeds_stay_as_they_are() -> None:
    """A change here makes every file of a running campaign another one."""
    assert seeds.generator(1, "tt", 0) == 564_865_925
    assert seeds.gun(1, "tt", 0).random() != seeds.detector(1, "tt", 0).random()
