"""From a scan to its encoding: how the planes are combined, and where features stand in the head."""

import pytest
import torch

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.slices import Plane


def test_a_scans_vector_joins_the_means_over_the_slices_of_each_plane(
    small: MedicalTransformer, volumes: torch.Tensor
) -> None:
    vectors = {plane: features.vectors for plane, features in small.encode_slices(volumes).items()}
    related = small.relate_slices(vectors)
    means = [related[plane].mean(dim=1) for plane in ("sagittal", "coronal", "axial")]
    torch.testing.assert_close(small(volumes).vector, torch.cat(means, dim=1))


def test_every_slice_of_every_plane_has_a_vector(small: MedicalTransformer, volumes: torch.Tensor) -> None:
    shapes = {plane: tuple(features.vectors.shape) for plane, features in small.encode_slices(volumes).items()}
    assert shapes == {Plane.SAGITTAL: (2, 40, 8), Plane.CORONAL: (2, 36, 8), Plane.AXIAL: (2, 44, 8)}


def test_encoders_are_independent(small: MedicalTransformer) -> None:
    stems = [encoder.stem.weight for encoder in small.encoders.values()]
    assert len({stem.data_ptr() for stem in stems}) == 3
    assert not torch.equal(stems[0], stems[1])


def test_without_a_transformer_slice_vectors_stay_as_they_are(volumes: torch.Tensor) -> None:
    network = MedicalTransformer(MedicalTransformerConfig(width=4, embedding=8, layers=0))
    vectors = {plane: features.vectors for plane, features in network.encode_slices(volumes).items()}
    assert network.transformer is None
    assert torch.equal(network(volumes).vector, torch.cat([vectors[plane].mean(dim=1) for plane in Plane], dim=1))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (
            (96, 114, 96),
            [
                (96, 1, 1), (96, 8, 6), (96, 15, 12), (96, 29, 24),
                (1, 114, 1), (6, 114, 6), (12, 114, 12), (24, 114, 24),
                (1, 1, 96), (6, 8, 96), (12, 15, 96), (24, 29, 96),
            ],
        ),
        (
            (160, 192, 128),
            [
                (160, 1, 1), (160, 12, 8), (160, 24, 16), (160, 48, 32),
                (1, 192, 1), (10, 192, 8), (20, 192, 16), (40, 192, 32),
                (1, 1, 128), (10, 12, 128), (20, 24, 128), (40, 48, 128),
            ],
        ),
    ],
)  # fmt: skip
def test_maps_have_the_sizes_of_the_reference(
    shape: tuple[int, int, int], expected: list[tuple[int, int, int]]
) -> None:
    with torch.device("meta"):
        network = MedicalTransformer(MedicalTransformerConfig(in_channels=4))
        encoding = network(torch.empty(1, 4, *shape), maps=True)
    assert [tuple(one.shape[2:]) for one in encoding.maps] == expected
    assert [one.shape[1] for one in encoding.maps] == [64, 64, 32, 16] * 3
    assert encoding.vector.shape == (1, 192)


def test_a_feature_stands_where_its_slice_is(small: MedicalTransformer, volumes: torch.Tensor) -> None:
    encoding = small(volumes, maps=True)
    features = small.encode_slices(volumes, maps=True)
    related = small.relate_slices({plane: one.vectors for plane, one in features.items()})
    torch.testing.assert_close(encoding.maps[8][1, :, 0, 0, 13], related[Plane.AXIAL][1, 13])
    torch.testing.assert_close(encoding.maps[4][1, :, 0, 13, 0], related[Plane.CORONAL][1, 13])
    torch.testing.assert_close(encoding.maps[0][1, :, 13, 0, 0], related[Plane.SAGITTAL][1, 13])
    torch.testing.assert_close(encoding.maps[11][1, :, :, :, 13], features[Plane.AXIAL].maps[0][1, 13])
    torch.testing.assert_close(encoding.maps[7][1, :, :, 13], features[Plane.CORONAL].maps[0][1, 13])
    torch.testing.assert_close(encoding.maps[3][1, :, 13], features[Plane.SAGITTAL].maps[0][1, 13])
