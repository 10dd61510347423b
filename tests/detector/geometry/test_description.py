"""The description is read strictly: what is not understood is an error that names file and key."""

import hashlib
from pathlib import Path

import pytest

from detector import load
from detector.geometry.description import DEFAULT, EdgeList


def changed(folder: Path, old: str, new: str) -> Path:
    text = DEFAULT.read_text()
    assert old in text
    path = folder / "other.yaml"
    path.write_text(text.replace(old, new))
    return path


def test_the_default_is_the_detector_of_the_design() -> None:
    crystals = load().crystals
    assert (crystals.eta_pitch, crystals.n_eta, crystals.n_phi) == (0.0174, 340, 360)


def test_the_digest_is_that_of_the_description_and_its_tables() -> None:
    names = ("cms.yaml", "charged_hadron_momentum_resolution.csv", "muon_momentum_resolution.csv")
    content = b"\0".join((DEFAULT.parent / name).read_bytes() for name in names)
    assert load().digest == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("eta_pitch: 0.0174", "eta_pich: 0.0174", "eta_pich"),
        ("n_phi: 360", "n_phi: 360\n  n_depth: 3", "n_depth"),
        ("n_eta: 340", "n_eta: -340", "n_eta"),
        ("n_eta: 340", "n_eta: many", "n_eta"),
        ("phi_degrees: 5, pitch", "phi_degrees: 7, pitch", "7.0 does not divide the circle"),
        ("{phi_degrees: 5, values: [1.65]}", "{phi_degrees: 5, values: [1.65], pitch: 0.1}", "give either"),
        ("{phi_degrees: 5, values: [1.65]}", "{phi_degrees: 5}", "give either"),
        ("name: CMS-like, 13 TeV", "name: CMS-like, 13 TeV\ndigest: abc", "digest"),
        ("name: CMS-like, 13 TeV", "name: CMS-like, 13 TeV\n7: abc", "7"),
        ("name: CMS-like, 13 TeV", "name: [", "not YAML"),
        ("crystals:", "crystal:", "crystals"),
        ("edges: [-5.0, -4.0,", "edges: [-5.0, -6.0,", "must rise"),
    ],
)
def test_a_wrong_description_names_the_file_and_the_key(tmp_path: Path, old: str, new: str, named: str) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(ValueError, match=r"other\.yaml") as caught:
        load(path)
    assert named in str(caught.value)


def test_a_file_that_is_not_a_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- 1\n- 2\n")
    with pytest.raises(ValueError, match=r"list.yaml: not settings"):
        load(path)


def test_edges_by_pitch_and_by_values() -> None:
    assert EdgeList(phi_degrees=10, offset=1.0, pitch=0.5, first=-1, last=2).edges() == (0.5, 1.0, 1.5, 2.0)
    assert EdgeList(phi_degrees=10, values=(1.65,)).edges() == (1.65,)


def test_a_description_says_only_what_differs_from_another(tmp_path: Path) -> None:
    """Sections are merged, values and lists replaced; the digest is of both files."""
    path = tmp_path / "mine.yaml"
    path.write_text("extends: cms.yaml\nname: mine\ncrystals: {n_phi: 720}\ndensity: {edges: [-1.0, 1.0]}\n")
    mine, cms = load(path), load()
    assert (mine.name, mine.crystals.n_phi, mine.crystals.n_eta) == ("mine", 720, 340)
    assert (mine.density.edges, mine.density.tile, mine.tracker) == ((-1.0, 1.0), 1.0, cms.tracker)
    assert mine.digest != cms.digest
    (tmp_path / "cms.yaml").write_text(DEFAULT.read_text().replace("field_tesla: 3.8", "field_tesla: 2.0"))
    load.cache_clear()
    assert load(path).tracker.field_tesla == 2.0  # the file beside it goes before ours
    assert load(path).digest != mine.digest


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("extends: no.yaml", "no.yaml: no such file"),
        ("extends: mine.yaml", "extends another"),
        ("extends: 3", "extends"),
        ("extends: cms.yaml\ncrystals: 3", "crystals"),
        ("extends: cms.yaml\ncrystal: {n_phi: 3}", "did you mean `crystals`"),
        ("extends: cms.yaml\nshowers: {abs_eta_max: 3}", "electromagnetic: is missing"),
    ],
)
def test_an_extension_at_fault(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"{text}\n")
    with pytest.raises(ValueError, match=named):
        load(path)
