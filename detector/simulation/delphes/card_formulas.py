"""Formulas of a Delphes card, from the description's tables.

Delphes hands them to ROOT's TFormula with `pt`, `eta` and `energy` (GeV) replaced by its variables, so no
other word may contain these names. A formula is a sum of terms "(where it holds) * (value)".
"""

from collections.abc import Sequence
from math import inf

from detector.geometry.description import EfficiencyBin, EnergyPiece, PileUp
from detector.simulation.delphes.tcl import number
from detector.simulation.fast.parameters import Pieces


def efficiency(bins: Sequence[EfficiencyBin]) -> str:
    """A tracking efficiency; an upper edge belongs to the bin below it."""
    terms = []
    low = 0.0
    for described in bins:
        pt_low = 0.0
        for piece in described.pieces:
            if piece.constant or piece.slope:
                where = _between("abs(eta)", low, described.abs_eta_max) + _between("pt", pt_low, piece.pt_max)
                terms.append([*where, _line(piece.constant, piece.slope)])
            pt_low = piece.pt_max
        low = described.abs_eta_max
    return _sum(terms)


def momentum_resolution(table: Pieces) -> str:
    """The relative sigma of pt; an upper edge belongs to the bin above it, as in Delphes' tracker cards."""
    terms = []
    low = 0.0
    for abs_eta_max, *rows in zip(*(column.tolist() for column in table), strict=True):
        pt_low = 0.0
        for pt_max, constant, slope in zip(*rows, strict=True):
            if pt_max > pt_low:  # else the padding behind the last piece
                where = _between("abs(eta)", low, abs_eta_max, "<") + _between("pt", pt_low, pt_max, "<")
                terms.append([*where, _line(constant, slope)])
            pt_low = pt_max
        low = abs_eta_max
    return _sum(terms)


def energy_resolution(pieces: Sequence[EnergyPiece]) -> str:
    """Sigma of an energy, GeV; an upper edge belongs to the bin below it."""
    terms = []
    low = 0.0
    for piece in pieces:
        squares = [
            text
            for text, value in (
                (f"energy^2*{number(piece.constant)}^2", piece.constant),
                (f"energy*{number(piece.stochastic)}^2", piece.stochastic),
                (f"{number(piece.noise)}^2", piece.noise),
            )
            if value
        ]
        terms.append([*_between("abs(eta)", low, piece.abs_eta_max), f"sqrt({' + '.join(squares) or '0'})"])
        low = piece.abs_eta_max
    return _sum(terms)


def vertices(pileup: PileUp) -> str:
    """The density of vertices in z (m) and t (s)."""
    return f"exp(-(t^2/{number(pileup.sigma_t_ps)}e-12^2/2))*exp(-(z^2/{number(pileup.sigma_z)}^2/2))"


def _between(name: str, low: float, high: float, upper: str = "<=") -> list[str]:
    """The condition, if any, for a value between two edges of which `upper` tells who owns the upper."""
    lower = ">" if upper == "<=" else ">="
    parts = [f"{name} {lower} {number(low)}"] if low > 0.0 else []
    parts += [f"{name} {upper} {number(high)}"] if high < inf else []
    return [f"({' && '.join(parts)})"] if parts else []


def _line(constant: float, slope: float) -> str:
    if not slope:
        return f"({number(constant)})"
    return f"({number(slope)}*pt)" if not constant else f"({number(constant)} + {number(slope)}*pt)"


def _sum(terms: Sequence[list[str]]) -> str:
    """The formula in braces, one term a line; Delphes drops blanks and line ends."""
    return "{\n    " + " +\n    ".join(" * ".join(term) for term in terms) + "\n  }" if terms else "{0}"
