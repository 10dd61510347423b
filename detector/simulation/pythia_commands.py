"""Pythia's commands: the same lines for the embedded generator and for the command file of DelphesPythia8."""

from collections.abc import Sequence


def commands(settings: Sequence[str], seed: int, n_events: int | None = None) -> tuple[str, ...]:
    """All lines that decide which events Pythia makes (Pythia 8 manual, "Settings Scheme").

    Args:
        settings: the process, of `detector.simulation.processes`, and what the user adds.
        seed: 1 to 900,000,000.
        n_events: for a program that reads it from here, as DelphesPythia8 does.
    """
    lines = (*settings, "Random:setSeed = on", f"Random:seed = {seed}")
    return lines if n_events is None else (*lines, f"Main:numberOfEvents = {n_events}")


def command_file(settings: Sequence[str], seed: int, n_events: int) -> str:
    """A command file for DelphesPythia8."""
    return "\n".join(("! Made by `jetimg detector`", *commands(settings, seed, n_events), ""))
