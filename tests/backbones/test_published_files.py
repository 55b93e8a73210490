"""Files of published weights: fetched, checked, read without running what is in them, and accounted for."""

import hashlib
import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from medical_transformer.backbones import (
    BACKBONES,
    build_backbone,
    load_published,
    published_files,
)
from medical_transformer.backbones.origins import called, origin_of
from medical_transformer.backbones.published_files import KNOWN, KnownWeights, find, read_published
from medical_transformer.errors import WeightsError

from .published_samples import Tensors, medicalnet, network


def test_the_account_names_checksum_licence_and_what_became_of_every_tensor(genesis_file: Path) -> None:
    loaded = load_published("models-genesis", network("models-genesis", in_channels=4), str(genesis_file))
    text = str(loaded)
    assert hashlib.sha256(genesis_file.read_bytes()).hexdigest() in text
    assert "non-commercial" in text
    assert "repeated for every modality" in text
    assert {(name, kind) for name, kind, _ in loaded.rows()} >= {
        ("levels.0.0.conv.weight", "adapted"),
        ("levels.0.0.conv.bias", "loaded"),
        ("out_tr.final_conv.bias", "unused"),
    }
    assert all(reason for _, _, reason in loaded.rows())


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    save_file(medicalnet()["state_dict"], tmp_path / "converted.safetensors")
    assert load_published("medicalnet", network("medicalnet", depth=10), str(tmp_path / "converted.safetensors"))


class Harmful:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return print, ("this would have run",)


@pytest.mark.parametrize(
    "content", [{"state_dict": {"weight": torch.ones(2)}, "more": Harmful()}, [1, 2], {"epoch": 3}, {}]
)
def test_what_is_no_mere_mapping_of_tensors_is_refused_by_file(
    content: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(content, tmp_path / "strange.pth")
    with pytest.raises(WeightsError, match=r"strange\.pth"):
        read_published(tmp_path / "strange.pth")
    assert "would have run" not in capsys.readouterr().out


@pytest.mark.parametrize(("name", "save"), [("nan.pt", torch.save), ("nan.safetensors", save_file)])
def test_a_file_with_values_that_are_not_finite_is_refused_by_tensor(
    name: str, save: Callable[[Tensors, Path], None], tmp_path: Path
) -> None:
    save({"fine": torch.ones(2), "broken": torch.tensor([1.0, torch.nan])}, tmp_path / name)
    with pytest.raises(WeightsError, match=rf"{name}: 'broken' holds values that are not finite"):
        read_published(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x80\x02no weights\xff", "damaged or holds more than tensors"),
        (b"", "it is empty"),
        (b"<!DOCTYPE html>\n<html>", "it is text, and starts with '<!DOCTYPE html>"),
        (pickle.dumps({"epoch": 3}, protocol=4), "damaged or holds more than tensors"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name_with_what_it_is_and_without_a_warning(
    content: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / "damaged.pt").write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(WeightsError, match=rf"damaged\.pt: .*{said}") as refused:
            read_published(tmp_path / "damaged.pt")
    assert not isinstance(refused.value.__cause__, Warning)


def test_a_folder_of_weights_is_called_a_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is a folder; give the file of weights itself"):
        find(str(tmp_path), "medicalnet")


def test_networks_without_published_weights_say_so(medicalnet_file: Path) -> None:
    for name in ("niftynet-vnet", "3d-ssl", "medical-transformer"):
        with torch.device("meta"):
            backbone = build_backbone(name)
        with pytest.raises(WeightsError, match="No published weights"):
            load_published(name, backbone, str(medicalnet_file))


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="Did you mean 'medicalnet-18-23datasets'"):
        find("medicalnet-18-23dataset", "medicalnet")
    with pytest.raises(WeightsError, match="for backbone 'i3d'"):
        find("i3d-kinetics-rgb", "medicalnet")


def test_a_known_file_is_fetched_once_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "there.pth").write_bytes(b"tensors")
    digits = hashlib.sha256(b"tensors").hexdigest()[:8]
    known: Mapping[str, KnownWeights] = {
        "right": KnownWeights("i3d", (tmp_path / "there.pth").as_uri(), digits),
        "wrong": KnownWeights("i3d", (tmp_path / "there.pth").as_uri().replace("there", "./there"), "0" * 8),
        "gone": KnownWeights("i3d", (tmp_path / "gone.pth").as_uri()),
    }
    monkeypatch.setattr(published_files, "KNOWN", known)
    with pytest.raises(WeightsError, match="cannot be fetched"):
        find("wrong", "i3d")
    assert list((tmp_path / "cache").rglob("*.pth")) == []
    fetched = find("right", "i3d")
    assert fetched.read_bytes() == b"tensors"
    (tmp_path / "there.pth").unlink()
    assert find("right", "i3d") == fetched
    with pytest.raises(WeightsError, match=r"gone\.pth cannot be fetched"):
        find("gone", "i3d")
    fetched.write_bytes(b"damaged")
    with pytest.raises(
        WeightsError, match=rf"there\.pth: .* fetched with {digits}.* published with {digits}; delete it"
    ):
        find("right", "i3d")


def test_terms_are_a_fact_of_fetched_weights_and_a_condition_for_any_file_of_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    publisher = tmp_path / "resnet_18.pth"
    publisher.write_bytes(b"tensors")
    monkeypatch.setattr(published_files, "KNOWN", {"named": KnownWeights("medicalnet", publisher.as_uri())})
    fetched, given = origin_of("named", "medicalnet"), origin_of("resnet_18.pth", "medicalnet")
    assert fetched.sha256 == given.sha256 == hashlib.sha256(b"tensors").hexdigest()
    assert fetched.terms == BACKBONES["medicalnet"].weights
    assert given.terms.startswith("a file of the user, whose source was not checked; only if it is the published one")
    assert called("named") == "the published weights 'named'"
    assert called("resnet_18.pth") == "the file 'resnet_18.pth'"
    (tmp_path / "named").write_bytes(b"the user's")  # a file wins over a name
    assert origin_of("named", "medicalnet").terms == given.terms


def test_known_weights_are_fetched_over_https_from_their_publishers() -> None:
    for name, known in KNOWN.items():
        assert known.url.startswith(("https://github.com/", "https://huggingface.co/")), name
        assert known.backbone in {"i3d", "medicalnet", "niftynet-highres3dnet"}
