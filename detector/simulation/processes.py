"""The hard processes that Pythia makes, at 13 TeV.

All but tth are a narrow Randall-Sundrum graviton that decays to one kind of pair (arXiv:hep-ph/9905221;
Pythia 8 manual, "Extra-Dimensional Processes"), so that the jets' pt follows its mass.
"""

from detector.common.errors import CallError

GRAVITON = 5100039
COLLISIONS = ("Beams:eCM = 13000",)

# The graviton's decay products: which of its channels stay open.
DECAYS = {
    "bb": "onIfAny = 5",
    "tt": "onIfAny = 6",
    "hh": "onIfAny = 25",
    "WW": "onIfMatch = 24 -24",
    "qq": "onIfAny = 1 2 3",
    "ZZ": "onIfAny = 23",
    "gg": "onIfAny = 21",
}
PROCESSES = (*DECAYS, "tth")


def process_of(sample: str) -> str:
    """The process that a sample is called after: `tt` of `tt` and of `tt_1`; the whole name where there is none."""
    first = sample.partition("_")[0]
    return first if sample not in PROCESSES and first in PROCESSES else sample


def settings(process: str, mass: float) -> tuple[str, ...]:
    """Pythia's settings for a process, as lines of a command file.

    Args:
        process: one of PROCESSES.
        mass: the graviton's, GeV; of no effect for tth.

    Raises:
        CallError: an unknown process, or a mass that is not positive.
    """
    if process not in PROCESSES:
        raise CallError(f"process {process!r} is unknown; known: {', '.join(PROCESSES)}")
    if process == "tth":
        return (*COLLISIONS, "HiggsSM:gg2Httbar = on", "HiggsSM:qqbar2Httbar = on")
    if not mass > 0:
        raise CallError(f"the graviton's mass must be positive, found {mass} GeV")
    return (
        *COLLISIONS,
        "ExtraDimensionsG*:gg2G* = on",
        "ExtraDimensionsG*:ffbar2G* = on",
        "ExtraDimensionsG*:kappaMG = 0.1",
        f"{GRAVITON}:m0 = {mass:g}",
        f"{GRAVITON}:mWidth = 1",
        f"{GRAVITON}:doForceWidth = on",
        f"{GRAVITON}:onMode = off",
        f"{GRAVITON}:{DECAYS[process]}",
    )


def soft_settings(undecayed_above: float) -> tuple[str, ...]:
    """Pythia's settings for soft collisions.

    Args:
        undecayed_above: c tau in m; particles that live longer are left undecayed.
    """
    limit = undecayed_above * 1000  # Pythia counts in mm
    return (
        *COLLISIONS,
        "SoftQCD:inelastic = on",
        "ParticleDecays:limitTau0 = on",
        f"ParticleDecays:tau0Max = {limit:g}",
    )
