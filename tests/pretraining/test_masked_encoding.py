"""Stage 2: only masked positions are predicted, nothing leaks, and cached encodings change nothing."""

import pytest
import torch
from torch import Tensor

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.errors import CollapseError, ConfigError
from medical_transformer.pretraining import (
    EncodedScans,
    EncodedSlices,
    MaskedEncoding,
    UnlabelledBatch,
    encode_scans,
)
from medical_transformer.pretraining.encodings import MASKED_INTENSITY, bytes_of_encodings
from medical_transformer.pretraining.masked_encoding import places_of
from medical_transformer.slices import Plane, draw_masks


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def encoded(backbone: MedicalTransformer, batch: UnlabelledBatch) -> EncodedScans:
    return encode_scans(backbone, [batch])


@pytest.fixture
def objective(backbone: MedicalTransformer, encoded: EncodedScans) -> MaskedEncoding:
    return MaskedEncoding(backbone, encoded).eval()


def taken(vectors: dict[Plane, Tensor], asked: dict[Plane, Tensor]) -> dict[Plane, Tensor]:
    return {plane: one.take_along_dim(asked[plane][..., None], dim=1) for plane, one in vectors.items()}


class MeanPredictor(torch.nn.Module):
    """Predicts the plane's mean vector everywhere."""

    def __init__(self, encoded: EncodedScans) -> None:
        super().__init__()
        self.means = {plane: encoded.vectors[plane].mean(dim=(0, 1)) for plane in Plane}

    def forward(self, vectors: dict[Plane, Tensor], asked: dict[Plane, Tensor]) -> dict[Plane, Tensor]:
        """Ignore the vectors."""
        means = {plane: self.means[plane].expand_as(given) for plane, given in vectors.items()}
        return taken(means, asked)


def loss_by_encoding_again(backbone: MedicalTransformer, batch: UnlabelledBatch, draws: torch.Generator) -> Tensor:
    """Do what the paper says at every step: mask slice images, encode them all, predict the masked ones."""
    truth, hidden, masks = {}, {}, {}
    for plane in Plane:
        encoder = backbone.encoders[plane]
        stack = batch.volumes.movedim(2 + plane.axis, 1)
        masks[plane] = draw_masks(len(stack), stack.shape[1], 0.1, draws)
        with torch.no_grad():
            truth[plane] = encoder(stack).vectors
            masked = encoder(torch.full_like(stack, MASKED_INTENSITY)).vectors
        hidden[plane] = torch.where(masks[plane][..., None], masked, truth[plane])
    assert backbone.transformer is not None
    predicted = backbone.transformer(hidden)
    errors = [(predicted[plane] - truth[plane])[masks[plane]].square().mean() for plane in Plane]
    return (errors[0] + errors[1] + errors[2]) / 3


def gradients(backbone: MedicalTransformer) -> dict[str, Tensor]:
    return {name: value.grad.clone() for name, value in backbone.named_parameters() if value.grad is not None}


def is_among(places: Tensor, vectors: Tensor) -> Tensor:
    return torch.zeros(vectors.shape[:2], dtype=torch.bool).scatter(1, places, True)[..., None]


def test_cached_encodings_give_the_loss_and_gradients_of_encoding_again(
    backbone: MedicalTransformer, batch: UnlabelledBatch
) -> None:
    backbone.double()
    batch = UnlabelledBatch(batch.volumes.double(), batch.subjects)
    encoded = encode_scans(backbone, [batch])
    objective = MaskedEncoding(backbone, encoded).eval()
    cached = objective(encoded.select([0, 1, 2, 3]), generator(5))
    cached.backward()
    found = gradients(backbone)
    backbone.zero_grad()
    again = loss_by_encoding_again(backbone, batch, generator(5))
    again.backward()
    torch.testing.assert_close(cached, again)
    expected = gradients(backbone)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], msg=name)


def test_how_scans_are_batched_does_not_change_their_encodings(
    backbone: MedicalTransformer, batch: UnlabelledBatch
) -> None:
    backbone.double()
    volumes = batch.volumes.double()
    together = encode_scans(backbone, [UnlabelledBatch(volumes, batch.subjects)])
    alone = encode_scans(backbone, [UnlabelledBatch(one[None], ("someone",)) for one in volumes])
    for plane in Plane:
        torch.testing.assert_close(alone.vectors[plane], together.vectors[plane])
        torch.testing.assert_close(alone.masked[plane], together.masked[plane])


def test_scans_that_are_counted_before_are_encoded_one_batch_at_a_time(
    backbone: MedicalTransformer, batch: UnlabelledBatch
) -> None:
    alone = iter([UnlabelledBatch(one[None], ("someone",)) for one in batch.volumes])
    encoded = encode_scans(backbone, alone, len(batch.volumes))
    for plane, vectors in encode_scans(backbone, [batch]).vectors.items():
        torch.testing.assert_close(encoded.vectors[plane], vectors)


def test_the_memory_of_the_vectors_is_known_before_they_are_computed(
    backbone: MedicalTransformer, batch: UnlabelledBatch, encoded: EncodedScans
) -> None:
    scans, shape = len(batch.volumes), batch.volumes.shape[2:]
    assert bytes_of_encodings(backbone, shape, scans) == sum(one.nbytes for one in encoded.vectors.values())
    assert bytes_of_encodings(MedicalTransformer(), (96, 114, 96), 1) == 78_336


def test_the_variance_that_is_explained_is_that_of_the_training_scans(
    backbone: MedicalTransformer, encoded: EncodedScans
) -> None:
    objective = MaskedEncoding(backbone, encoded, training=(0, 1))
    for plane, vectors in encoded.vectors.items():
        torch.testing.assert_close(getattr(objective, f"slice_mean_{plane}"), vectors[:2].mean(dim=0))


def test_selecting_returns_the_vectors_of_those_scans(encoded: EncodedScans) -> None:
    for plane in Plane:
        assert torch.equal(encoded.select([2, 0]).vectors[plane], encoded.vectors[plane][[2, 0]])


def test_only_masked_positions_count(objective: MaskedEncoding, encoded: EncodedScans) -> None:
    class Nearly(torch.nn.Module):
        """Predicts all masked vectors rightly and all others wrongly."""

        def forward(self, hidden: dict[Plane, Tensor], asked: dict[Plane, Tensor]) -> dict[Plane, Tensor]:
            truth = {plane: encoded.vectors[plane] for plane in Plane}
            shown = {plane: (hidden[plane] == truth[plane]).all(dim=-1, keepdim=True) for plane in Plane}
            return taken({plane: truth[plane] + 100 * shown[plane] for plane in Plane}, asked)

    objective.transformer = Nearly()  # type: ignore[assignment]
    assert float(objective(encoded.select([0, 1, 2, 3]), generator())) == 0


def test_a_masked_slice_does_not_leak_into_its_prediction(objective: MaskedEncoding, encoded: EncodedScans) -> None:
    batch = encoded.select([0, 1, 2, 3])
    masked, before = objective._predict(batch, generator(3))
    changed = EncodedSlices(
        {
            plane: torch.where(is_among(masked[plane], vectors), torch.full_like(vectors, 1e6), vectors)
            for plane, vectors in batch.vectors.items()
        }
    )
    _, after = objective._predict(changed, generator(3))
    for plane in Plane:
        assert torch.equal(before[plane], after[plane])


def test_slices_that_are_shown_do_matter(objective: MaskedEncoding, encoded: EncodedScans) -> None:
    batch = encoded.select([0, 1, 2, 3])
    masked, before = objective._predict(batch, generator(3))
    changed = EncodedSlices(
        {plane: torch.where(is_among(masked[plane], v), v, v + 1) for plane, v in batch.vectors.items()}
    )
    _, after = objective._predict(changed, generator(3))
    for plane in Plane:
        assert not torch.equal(before[plane], after[plane])


def test_only_the_transformer_learns(
    backbone: MedicalTransformer, objective: MaskedEncoding, encoded: EncodedScans
) -> None:
    objective(encoded.select([0, 1]), generator()).backward()
    moved = set(gradients(backbone))
    assert moved == {name for name, _ in backbone.named_parameters() if name.startswith("transformer.")}
    assert {f"{name}" for name, _ in objective.named_parameters()} == moved


def test_explained_variance_is_0_when_the_mean_is_predicted(objective: MaskedEncoding, encoded: EncodedScans) -> None:
    objective.transformer = MeanPredictor(encoded)  # type: ignore[assignment]
    numbers = objective.validate([encoded.select([0, 1]), encoded.select([2, 3])], generator())
    assert numbers["explained_variance"] == pytest.approx(0, abs=1e-6)


@torch.no_grad()
def test_explained_variance_is_1_when_everything_is_right(objective: MaskedEncoding, encoded: EncodedScans) -> None:
    class Right(torch.nn.Module):
        def forward(self, hidden: dict[Plane, Tensor], asked: dict[Plane, Tensor]) -> dict[Plane, Tensor]:
            return taken(dict(encoded.vectors), asked)

    objective.transformer = Right()  # type: ignore[assignment]
    numbers = objective.validate([encoded.select([0, 1, 2, 3])], generator())
    assert numbers == {"loss": 0.0, "explained_variance": 1.0, "explained_beyond_position": 1.0}


@torch.no_grad()
def test_knowing_the_position_alone_explains_nothing_beyond_it(
    objective: MaskedEncoding, encoded: EncodedScans
) -> None:
    class SliceMeans(torch.nn.Module):
        def forward(self, hidden: dict[Plane, Tensor], asked: dict[Plane, Tensor]) -> dict[Plane, Tensor]:
            means = {plane: v.mean(dim=0, keepdim=True).expand_as(v) for plane, v in encoded.vectors.items()}
            return taken(means, asked)

    objective.transformer = SliceMeans()  # type: ignore[assignment]
    numbers = objective.validate([encoded.select([0, 1, 2, 3])], generator())
    assert numbers["explained_beyond_position"] == pytest.approx(0, abs=1e-6)


def test_a_collapsed_encoder_is_named_with_its_plane(backbone: MedicalTransformer, encoded: EncodedScans) -> None:
    flat = {**encoded.vectors, Plane.CORONAL: torch.ones_like(encoded.vectors[Plane.CORONAL])}
    with pytest.raises(CollapseError, match="coronal"):
        MaskedEncoding(backbone, EncodedScans(flat, encoded.masked))


def test_a_network_without_a_transformer_has_nothing_to_learn(encoded: EncodedScans) -> None:
    bare = MedicalTransformer(MedicalTransformerConfig(width=4, embedding=8, layers=0))
    with pytest.raises(ConfigError, match="transformer"):
        MaskedEncoding(bare, encoded)


def test_masks_differ_from_step_to_step(objective: MaskedEncoding, encoded: EncodedScans) -> None:
    batch = encoded.select([0, 1])
    one, other = (objective._predict(batch, generator(seed))[0] for seed in (1, 2))
    assert not torch.equal(one[Plane.AXIAL], other[Plane.AXIAL])


def test_the_places_of_a_mask_are_where_it_is_true_in_order() -> None:
    mask = torch.tensor([[False, True, False, True, True], [True, True, False, False, True]])
    assert places_of(mask, 3).tolist() == [[1, 3, 4], [0, 1, 4]]
