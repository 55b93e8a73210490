from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from medical_transformer.preprocessing import doubles
from medical_transformer.preprocessing.doubles import SAME_HEAD, Double, find_copies, find_doubles, signature
from medical_transformer.preprocessing.template import load_template
from medical_transformer.volumes import Volume


def person(seed: int) -> Volume:
    """Draw the template with an anatomy of its own: blobs of some centimetres."""
    template = load_template()
    blobs = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=template.mask.shape), 6)
    own = template.brain.voxels / 255 + 0.1 * blobs / blobs.std()
    return template.brain.with_voxels(np.where(template.mask.voxels, own, 0).astype(np.float32))


def again(brain: Volume, seed: int) -> Volume:
    """Return the same head with other noise, shading and scale, half a voxel beside."""
    noise = np.random.default_rng(seed).normal(0, 0.05, brain.shape)
    shading = 1 + 0.1 * np.linspace(-1, 1, brain.shape[1])[None, :, None]
    moved = ndimage.shift(brain.voxels, (0.5, 0, -0.4), order=1)
    return brain.with_voxels(np.where(brain.voxels > 0, 3 * moved * shading + noise, 0).astype(np.float32))


def test_the_same_head_under_two_names_is_found_among_others() -> None:
    brains = {name: person(seed) for seed, name in enumerate("abc")}
    signatures = {name: signature(brain) for name, brain in {**brains, "d": again(brains["b"], 9)}.items()}
    (pair,) = find_doubles(signatures, {name: f"subject {name}" for name in signatures})
    assert (pair.one, pair.other) == ("b", "d")
    assert SAME_HEAD <= pair.similarity <= 1
    assert "the scan b of another subject" in pair.sentence("d")


def test_scans_of_one_subject_are_expected_to_agree() -> None:
    signed = {name: signature(person(1)) for name in ("visit1", "visit2")}
    assert find_doubles(signed, dict.fromkeys(signed, "s1")) == ()


def test_pairs_are_found_across_blocks(monkeypatch: object) -> None:
    drawn = np.random.default_rng(0).integers(-100, 100, (7, 50), dtype=np.int8)
    drawn[6] = drawn[1]
    names = {f"s{place}": row for place, row in enumerate(drawn)}
    monkeypatch.setattr(doubles, "BLOCK", 3)  # type: ignore[attr-defined]
    assert [(pair.one, pair.other) for pair in find_doubles(names, {name: name for name in names})] == [("s1", "s6")]


def test_the_same_prepared_voxels_are_copies() -> None:
    hashes = {"a": "11", "b": "22", "c": "11", "d": "", "e": ""}
    assert find_copies(hashes, {name: name for name in hashes}) == (Double("a", "c", 1.0),)


def test_what_was_compared_is_compared_again_only_where_a_scan_is_new_or_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn = np.random.default_rng(0).integers(-100, 100, (7, 50), dtype=np.int8)
    drawn[6] = drawn[1]
    names = {f"s{place}": row for place, row in enumerate(drawn)}
    subjects = {name: name for name in names}
    monkeypatch.setattr(doubles, "BLOCK", 3)
    everything = find_doubles(names, subjects)
    find_doubles({name: names[name] for name in ("s4", "s1", "s3")}, subjects, tmp_path / "compared.json")
    assert find_doubles(names, subjects, tmp_path / "compared.json") == everything
    again: list[int] = []
    unit = doubles._unit
    monkeypatch.setattr(doubles, "_unit", lambda some: again.append(len(some)) or unit(some))
    assert find_doubles(names, subjects, tmp_path / "compared.json") == everything
    assert not again
    changed = names | {"s2": drawn[5], "s6": drawn[0]}
    found = find_doubles(changed, subjects, tmp_path / "compared.json")
    assert [(pair.one, pair.other) for pair in found] == [("s0", "s6"), ("s2", "s5")]
    (tmp_path / "compared.json").write_text("[1")
    again_found = find_doubles(changed, subjects, tmp_path / "compared.json")
    assert [(pair.one, pair.other) for pair in again_found] == [("s0", "s6"), ("s2", "s5")]
