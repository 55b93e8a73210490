"""The network is Table 3's, to the weight (reference: baselines.md, sections 1 and 7.2)."""

import pytest
import torch
from torch import nn

from medical_transformer.backbones import PRESETS, MedicalTransformer, MedicalTransformerConfig
from medical_transformer.experiments import methods
from medical_transformer.tasks import BRATS_REGIONS, AnyTask, Classification, Regression, Segmentation, TaskModel

DIAGNOSIS = Classification(label="diagnosis", classes=("CN", "MCI", "AD"))
AGE = Regression(label="age_years", unit="years")
TUMOUR = Segmentation(values=(1, 2, 4), regions=BRATS_REGIONS)


def weights(module: nn.Module | None) -> int:
    assert module is not None
    return sum(parameter.numel() for parameter in module.parameters())


def network(config: MedicalTransformerConfig | None = None) -> MedicalTransformer:
    with torch.device("meta"):
        return MedicalTransformer(config)


@pytest.mark.parametrize(
    ("task", "channels", "count"), [(DIAGNOSIS, 1, 2_402_163), (AGE, 1, 2_401_777), (TUMOUR, 4, 2_410_756)]
)
def test_a_model_has_the_parameters_of_table_3(task: AnyTask, channels: int, count: int) -> None:
    with torch.device("meta"):
        model = TaskModel(MedicalTransformer(MedicalTransformerConfig(in_channels=channels)), task)
    assert weights(model) == count


def test_the_list_of_methods_counts_the_parameters_of_table_3() -> None:
    (method,) = [one for one in methods() if one.name == "medical-transformer"]
    assert method.parameters == {"classification": 2_402_163, "regression": 2_401_777, "segmentation": 2_410_756}


def test_three_classes_instead_of_four_make_2_410_227() -> None:
    with torch.device("meta"):
        task = Segmentation(values=(1, 2), regions={"both": (1, 2)})
        model = TaskModel(MedicalTransformer(MedicalTransformerConfig(in_channels=4)), task)
    assert weights(model) == 2_410_227


def test_the_backbone_has_2_401_584() -> None:
    assert weights(network()) == 2_401_584


def test_each_encoder_has_698_128_in_convolutions_and_8_256_in_its_last_layer() -> None:
    for encoder in network().encoders.values():
        assert weights(encoder.embed) == 8_256
        assert weights(encoder) - weights(encoder.embed) == 698_128


def test_the_transformer_layer_has_282_112() -> None:
    transformer = network().transformer
    assert transformer is not None
    layer = transformer.layers["shared"][0]
    assert [weights(part) for part in (layer.query, layer.key, layer.value, layer.out)] == [66_560] * 3 + [65_600]
    assert (weights(layer.feed_forward.expand), weights(layer.feed_forward.contract)) == (8_320, 8_256)
    assert weights(layer.attention_norm) + weights(layer.feed_forward_norm) == 256
    assert weights(transformer.layers) == 282_112


def test_the_final_norm_has_128_and_the_segment_codes_192() -> None:
    transformer = network().transformer
    assert transformer is not None
    assert weights(transformer.norm) == 128
    assert transformer.segments.numel() == 192


def test_three_more_channels_add_7_056() -> None:
    assert weights(network(MedicalTransformerConfig(in_channels=4))) - weights(network()) == 3 * 2_352


@pytest.mark.parametrize(
    ("preset", "count"),
    [
        ("table3", 2_401_584),
        # 3 x (698,128 + 2,064) + 4 x (16 x 16 + 16) + 1,088 + 1,040 + 3 norms of 32 + 3 x 16
        ("text", 2_103_936),
        # 3 x 706,384 + 8,320 + 8,256 + 128 + 192
        ("equation-2", 2_136_048),
        ("no-transformer", 3 * 706_384),
    ],
)
def test_a_preset_has_its_known_size(preset: str, count: int) -> None:
    assert weights(network(PRESETS[preset])) == count


@pytest.mark.parametrize(
    ("change", "count"),
    [({"layers": 2}, 2_401_584 + 282_112), ({"shared_transformer": False}, 2_401_584 + 2 * 282_112)],
)
def test_a_single_change_breaks_the_match_as_expected(change: dict[str, int], count: int) -> None:
    assert weights(network(MedicalTransformerConfig(**change))) == count
