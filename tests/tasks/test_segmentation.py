from pathlib import Path

import pytest
import torch
from monai.losses import DiceCELoss
from pydantic import ValidationError
from torch import Tensor

from medical_transformer.cohorts import Scan
from medical_transformer.errors import CohortError
from medical_transformer.tasks import BRATS_REGIONS, Segmentation

TUMOUR = Segmentation(values=(1, 2, 4), regions=BRATS_REGIONS)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def label_maps(*shape: int) -> Tensor:
    return torch.tensor((0, 1, 2, 4))[torch.randint(4, shape, generator=generator())]


def test_decoding_undoes_encoding() -> None:
    maps = label_maps(2, 5, 6, 7)
    assert torch.equal(TUMOUR.decode(TUMOUR.encode(maps)), maps)


def test_encoding_undoes_decoding() -> None:
    classes = torch.randint(4, (2, 5, 6, 7), generator=generator())
    assert torch.equal(TUMOUR.encode(TUMOUR.decode(classes)), classes)


def test_values_that_are_not_predicted_become_background() -> None:
    assert TUMOUR.encode(torch.tensor([[[[3, 4, 7]]]])).flatten().tolist() == [0, 3, 0]


def test_values_that_are_joined_are_one_class() -> None:
    halves = Segmentation(
        values=(1, 2), stands_for={1: (47, 48), 2: (4, 11, 52)}, regions={"hippocampus": (1,), "ventricles": (2,)}
    )
    maps = torch.tensor([[[[0, 47, 48], [4, 11, 52], [5, 300, -1]]]])
    assert halves.encode(maps)[0, 0].tolist() == [[0, 1, 1], [2, 2, 2], [0, 0, 0]]
    assert halves.joined(maps.numpy().astype("int16"))[0, 0].tolist() == [[0, 1, 1], [2, 2, 2], [0, 0, 0]]


def test_the_loss_is_dice_over_the_batch_plus_cross_entropy() -> None:
    outputs = torch.randn((2, 4, 5, 6, 7), generator=generator(), dtype=torch.float64)
    targets = TUMOUR.encode(label_maps(2, 5, 6, 7))
    reference = DiceCELoss(
        include_background=False, to_onehot_y=True, softmax=True, batch=True, smooth_nr=1e-5, smooth_dr=1e-5
    )
    torch.testing.assert_close(TUMOUR.loss(outputs, targets, None), reference(outputs, targets[:, None]))


def test_a_perfect_answer_has_hardly_any_loss() -> None:
    targets = TUMOUR.encode(label_maps(2, 5, 6, 7))
    outputs = 50.0 * torch.nn.functional.one_hot(targets, 4).movedim(-1, 1)
    assert float(TUMOUR.loss(outputs, targets, None)) == pytest.approx(0, abs=1e-5)


def test_the_scores_are_the_dice_of_the_papers_regions() -> None:
    truth = torch.zeros(1, 4, 3, 2, dtype=torch.int64)
    truth[0, 0] = torch.tensor([[1, 2], [4, 4], [2, 2]])
    predicted = torch.zeros_like(truth)
    predicted[0, 0] = torch.tensor([[1, 1], [4, 2], [2, 0]])
    outputs = torch.nn.functional.one_hot(TUMOUR.encode(predicted), 4).movedim(-1, 1).float()
    scores = TUMOUR.scores(outputs, TUMOUR.encode(truth))
    # Whole tumour 5 of 6 voxels; core {1, 4}: 2 common of 3 and 3; enhancing {4}: 1 common of 1 and 2.
    assert scores["dice_WT"] == pytest.approx(2 * 5 / 11)
    assert scores["dice_TC"] == pytest.approx(2 * 2 / 6)
    assert scores["dice_ET"] == pytest.approx(2 * 1 / 3)
    assert scores["dice"] == pytest.approx((10 / 11 + 4 / 6 + 2 / 3) / 3)


def test_a_region_that_both_leave_out_is_right() -> None:
    nothing = torch.zeros(3, 2, 3, 4, dtype=torch.int64)
    outputs = torch.nn.functional.one_hot(nothing, 4).movedim(-1, 1).float()
    assert TUMOUR.scores(outputs, nothing)["dice_ET"] == 3


def test_regions_are_made_of_predicted_values() -> None:
    with pytest.raises(ValidationError, match="ET"):
        Segmentation(values=(1, 2), regions=BRATS_REGIONS)


def test_a_scan_without_a_label_map_is_named() -> None:
    with_map = Scan(subject="1", name="sub-1", images={"T1w": Path("t1.nii")}, segmentation=Path("seg.nii"))
    with pytest.raises(CohortError, match="'sub-7'"):
        TUMOUR.targets([with_map, Scan(subject="7", name="sub-7", images=with_map.images)])
