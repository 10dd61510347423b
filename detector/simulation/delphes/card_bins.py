"""Cells of calorimeters and tracker as a Delphes card lists them: `add EtaPhiBins {eta edge} {phi edges}`.

Delphes keeps one set of phi edges for each eta edge and gives it to the cells below that edge. If two lists share an
edge, Delphes would mix their phi edges there or, with different roundings, make a ring 1e-16 wide. So an edge is left
out of a list if a later list has it, as in `detector.geometry.cells`.
"""

from collections.abc import Iterator, Sequence

from detector.geometry.cells import SAME_EDGE
from detector.geometry.description import DenseFilter, EdgeList
from detector.simulation.delphes.tcl import number


def calorimeter(lists: Sequence[EdgeList]) -> tuple[str, ...]:
    """The lines that list a calorimeter's cells."""
    lines = ["set pi [expr {acos(-1)}]"]
    current = 0
    for index, edges in enumerate(lists):
        later = [eta for other in lists[index + 1 :] for eta in other.edges()]
        n_phi = round(360 / edges.phi_degrees)
        if n_phi != current:
            lines += ["", *_phi(n_phi)]
        current = n_phi
        lines += _eta(edges, later)
    return tuple(lines)


def tracker(described: DenseFilter) -> tuple[str, ...]:
    """The lines that list the cells of the dense-track filter: whole cells in eta, equal ones round phi."""
    n_eta = int(described.abs_eta_max / described.cell)
    return (
        "set pi [expr {acos(-1)}]",
        f"set n [expr {{int($pi / {number(described.cell)})}}]",
        "set PhiBins {}",
        "for {set i -$n} {$i <= $n} {incr i} {",
        "  add PhiBins [expr {$i * $pi / $n}]",
        "}",
        *_loop(-n_eta, n_eta, 0.0, described.cell),
    )


def _phi(n: int) -> list[str]:
    """Edges round phi, from -pi to pi; the whole numbers in the middle keep both ends exact."""
    return [
        "set PhiBins {}",
        f"for {{set i 0}} {{$i <= {n}}} {{incr i}} {{",
        f"  add PhiBins [expr {{(2 * $i - {n}) * $pi / {n}}}]",
        "}",
    ]


def _eta(edges: EdgeList, later: Sequence[float]) -> list[str]:
    kept = [all(abs(eta - other) > SAME_EDGE for other in later) for eta in edges.edges()]
    if edges.pitch is None:
        values = " ".join(number(eta) for eta, keep in zip(edges.edges(), kept, strict=True) if keep)
        return [f"foreach eta {{{values}}} {{", "  add EtaPhiBins $eta $PhiBins", "}"] if values else []
    lines: list[str] = []
    for first, last in _runs(kept):
        lines += _loop(edges.first + first, edges.first + last, edges.offset, edges.pitch)
    return lines


def _runs(kept: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last index of each run of True."""
    first = None
    for index, keep in enumerate([*kept, False]):
        if keep and first is None:
            first = index
        if not keep and first is not None:
            yield first, index - 1
            first = None


def _loop(first: int, last: int, offset: float, pitch: float) -> list[str]:
    start = f"{number(offset)} + " if offset else ""
    return [
        f"for {{set k {first}}} {{$k <= {last}}} {{incr k}} {{",
        f"  add EtaPhiBins [expr {{{start}{number(pitch)} * $k}}] $PhiBins",
        "}",
    ]
