"""A decoder that was taught without labels goes on in the segmentation, except for its last layers."""

from pathlib import Path

import pytest
import torch

from medical_transformer.backbones import build_backbone
from medical_transformer.backbones.undrawn import last_layers, undrawn
from medical_transformer.backbones.weights import read_tensors, write_tensors
from medical_transformer.errors import WeightsError
from medical_transformer.experiments import BackboneConfig, FinetuneConfig, PretrainConfig, export, pretrain
from medical_transformer.experiments.data import open_data
from medical_transformer.experiments.decoders import fit_decoder, start_decoder
from medical_transformer.experiments.training_run import build_model, run_identity
from medical_transformer.tasks import AnyTask, Classification, Segmentation
from medical_transformer.training.fit import Split

from .conftest import training

SEX = Classification(label="sex", classes=("female", "male"))
LESION = Segmentation(values=(1, 2), regions={"lesion": (1, 2)})
LAST = {"classify.weight", "classify.bias"}


def restored(backbone: BackboneConfig, prepared: Path, folder: Path) -> Path:
    """Return an encoder that was taught by restoration."""
    settings = {"method": {"name": "models-genesis"}, "backbone": backbone, "validation": 0.33}
    config = PretrainConfig.model_validate({**settings, "training": training(epochs=1)})
    return pretrain(prepared, folder, config).folder


@pytest.fixture(scope="module")
def taught(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return restored(BackboneConfig(name="3d-ssl"), prepared, tmp_path_factory.mktemp("restored"))


def tuning(encoder: Path, task: AnyTask = LESION, **backbone: object) -> FinetuneConfig:
    network = BackboneConfig.model_validate({"name": "3d-ssl", **backbone})
    return FinetuneConfig(task=task, backbone=network, encoder=str(encoder), training=training())


def test_a_segmentation_starts_with_the_decoder_and_a_new_last_layer(
    taught: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = build_model(tuning(taught)).head.state_dict()
    kept = read_tensors(taught / "decoder.safetensors")
    assert head.keys() - kept.keys() == LAST
    assert all(torch.equal(head[name], tensor) for name, tensor in kept.items())
    printed = " ".join(capsys.readouterr().err.split())
    assert f"loaded {len(kept)} of the decoder that was pre-trained with the encoder" in printed
    assert "new 2 made intensities, makes classes now" in printed


def test_the_trained_decoder_is_kept_and_not_the_one_it_began_with(taught: Path) -> None:
    checkpoint = read_tensors(taught.parent / "stage-1" / "checkpoint.safetensors")
    kept = read_tensors(taught / "decoder.safetensors")
    assert all(any(torch.equal(tensor, other) for other in checkpoint.values()) for tensor in kept.values())


def test_other_tasks_leave_the_decoder_alone(taught: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_model(tuning(taught, SEX))
    assert "decoder" not in capsys.readouterr().err


def test_a_backbone_that_segments_linearly_keeps_no_decoder(prepared: Path, tmp_path: Path) -> None:
    linear = BackboneConfig(name="3d-ssl", settings={"decoder": "linear"})
    encoder = restored(linear, prepared, tmp_path)
    assert not (encoder / "decoder.safetensors").exists()
    build_model(tuning(encoder, settings=linear.settings))


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("3d-ssl", {"classify"}),
        ("models-genesis", {"classify"}),
        ("niftynet-vnet", {"last", "classify"}),
        ("medicalnet", {"layers"}),
        ("i3d", {"classify"}),
    ],
)
def test_only_layers_that_count_outputs_are_new(name: str, new: set[str]) -> None:
    """Of V-Net's published end, both convolutions and what stands between them have one channel per output."""
    with undrawn():
        layers = {part.split(".")[0] for part in last_layers(build_backbone(name), 1)}
    assert layers == new


@pytest.mark.parametrize("name", ["3d-ssl", "models-genesis", "niftynet-vnet", "medicalnet", "i3d", "swin-unetr"])
def test_a_kept_decoder_fits_any_number_of_regions_and_modalities(name: str, tmp_path: Path) -> None:
    with undrawn():
        restored = build_backbone(name, {"in_channels": 2})
        restoring = restored.build_decoder(2)
    assert restoring is not None
    shapes = {
        key: tensor.shape for key, tensor in restoring.state_dict().items() if key not in last_layers(restored, 2)
    }
    kept = {key: torch.zeros(shape, dtype=torch.float16) for key, shape in shapes.items()}
    write_tensors(kept, tmp_path / "decoder.safetensors")
    for modalities, outputs in ((1, 1), (2, 2), (4, 5)):
        with undrawn():
            network = build_backbone(name, {"in_channels": modalities})
            own = network.build_decoder(outputs)
        found = fit_decoder(network, own, tmp_path)
        assert found is not None
        assert found.keys() == kept.keys()


def test_a_decoder_that_brings_other_classes_along_is_refused(taught: Path, tmp_path: Path) -> None:
    """Two classes of another label map have the shapes of these two."""
    whole = build_model(tuning(taught)).head.state_dict()
    write_tensors({name: tensor.clone() for name, tensor in whole.items()}, tmp_path / "decoder.safetensors")
    with pytest.raises(WeightsError, match=r"decoder\.safetensors: the decoder has no place for 'classify\.bias'"):
        start_decoder(build_model(tuning(taught)), tmp_path)


def test_a_decoder_of_another_network_is_refused_by_the_name_of_its_file(taught: Path, tmp_path: Path) -> None:
    kept = read_tensors(taught / "decoder.safetensors")
    write_tensors({**kept, "rises.0.weight": torch.zeros(3, 5)}, tmp_path / "decoder.safetensors")
    with pytest.raises(WeightsError, match=r"decoder\.safetensors: Tensor 'rises\.0\.weight' has shape"):
        start_decoder(build_model(tuning(taught)), tmp_path)
    write_tensors({"strange": torch.zeros(3, 5)}, tmp_path / "decoder.safetensors")
    with pytest.raises(WeightsError, match=r"decoder\.safetensors: the decoder has no place for 'strange'"):
        start_decoder(build_model(tuning(taught)), tmp_path)


def test_a_decoder_that_lacks_more_than_its_last_layers_is_refused(taught: Path, tmp_path: Path) -> None:
    kept = read_tensors(taught / "decoder.safetensors")
    del kept["rises.1.weight"]
    write_tensors(kept, tmp_path / "decoder.safetensors")
    with pytest.raises(WeightsError, match=r"decoder\.safetensors: .* lack 1 tensor of the network: rises\.1\.weight"):
        start_decoder(build_model(tuning(taught)), tmp_path)


def test_another_decoder_beside_the_same_encoder_is_another_run(taught: Path, prepared: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_bytes((taught / name).read_bytes())
    data = open_data(prepared, tuning(taught).input)
    with_it, without = (run_identity(data, Split((0, 1), (2,)), tuning(folder)) for folder in (taught, tmp_path))
    assert with_it != without


def test_a_published_encoder_takes_its_decoder_along(taught: Path, tmp_path: Path) -> None:
    out = export(taught, tmp_path / "encoder", half=False).folder
    assert (out / "decoder.safetensors").read_bytes() == (taught / "decoder.safetensors").read_bytes()
