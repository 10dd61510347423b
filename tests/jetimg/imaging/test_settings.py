"""Settings are strict: an unknown key or a wrong value is an error that names it."""

from pathlib import Path

import pytest

from jetimg.common.errors import DataError
from jetimg.imaging.settings import ImageSettings, read


def written(folder: Path, text: str) -> Path:
    path = folder / "images.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("truth", "nested"), [("jets", "outermost"), ("status", "all"), ("genjet", "all")])
def test_nested_is_as_the_mode_has_it_unless_given(truth: str, nested: str) -> None:
    assert read(None, truth=truth).nested == nested
    assert read(None, truth=truth, nested="all").nested == "all"
    assert read(None, truth=truth, nested="outermost").nested == "outermost"


def test_defaults_are_those_of_the_design() -> None:
    images = read(None)
    assert (images.source, images.hcal, images.value_bits, images.truth, images.nested) == (
        "eflow",
        "point",
        23,
        "jets",
        "outermost",
    )
    assert (images.contained_within, images.merged_genjet, images.higgs_decays) == (0.8, "GenJetAK8", (5,))
    assert {jet_class.min_pt for jet_class in images.classes.values()} == {20}
    assert list(images.classes) == ["b", "t", "H", "V", "q"]
    assert images.priority == ("t", "V", "H", "b", "q")
    minimum = {name: jet_class.genjet_min_pt for name, jet_class in images.classes.items()}
    assert minimum == {"b": 20.9, "H": 312.425, "t": 432.75, "V": 200.975, "q": 0.48}
    windows = {name: (tag.mass_min, tag.mass_max, tag.prongs) for name, tag in images.tags.items()}
    assert windows == {"t": (105, 210, 3), "V": (65, 105, 2), "H": (105, 140, 2)}


def test_a_file_and_options_over_it(tmp_path: Path) -> None:
    path = written(tmp_path, "hcal: spread\nvalue_bits: 10\n")
    assert read(path).hcal == "spread"
    assert read(path, hcal="point", source=None) == ImageSettings(value_bits=10)


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert read(written(tmp_path, "")) == ImageSettings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("hcall: spread", "hcall"),
        ("hcal: smear", "hcal"),
        ("value_bits: 24", "value_bits"),
        ("value_bits: 0", "value_bits"),
        ("box_radius: -1", "box_radius"),
        ("classes: {b: {pdg_ids: [5], status: 23, colour: red}}", "colour"),
        ("classes: {}", "classes"),
        ("priority: [t, V, H, b]", "priority"),
        ("priority: [t, V, H, b, q, q]", "priority"),
        ("priority: [t, V, H, b, g]", "priority"),
        (
            "classes: {b: {pdg_ids: [5], status: 23, genjet_samples: [bb, b]}, "
            "q: {pdg_ids: [1], status: 23, genjet_samples: [b]}}\npriority: [b, q]\ntags: {}",
            "['b'] in more than one class",
        ),
        ("tags: {Z: {mass_min: 60, mass_max: 100, prongs: 2}}", "'Z'"),
        ("tags: {t: {mass_min: 60, mass_max: 100, prongs: 1}}", "prongs"),
        ("tags: {t: {mass_min: 100, mass_max: 60, prongs: 2}}", "mass_min"),
        ("- hcal", "not settings"),
        ("hcal: [", "not YAML"),
        ("1: 2", "1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(DataError, match=r"images\.yaml") as caught:
        read(written(tmp_path, text))
    assert named in str(caught.value)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "images.yaml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(DataError, match=r"images\.yaml"):
        read(path)
