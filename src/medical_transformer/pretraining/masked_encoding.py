"""Stage 2: the transformer predicts the encoding vectors of masked slices (paper section 3.3.1)."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.errors import CollapseError, ConfigError
from medical_transformer.pretraining.encodings import EncodedScans, EncodedSlices
from medical_transformer.pretraining.pretext import Pretext
from medical_transformer.shapes import AskedEncodings, Encodings, Places, SliceMask
from medical_transformer.slices import Plane, draw_masks, masked_count

COLLAPSED = 1e-10


class MaskedEncoding(Pretext[EncodedSlices]):
    """Mean squared error on the masked slices' vectors, averaged over planes; the encoder is frozen.

    Args:
        backbone: its transformer is taught.
        encoded: the scans' vectors.
        training: the places of the scans whose mean vector the explained variance is measured against; all without it.
        ratio: share of the slices of each plane that are masked.

    Raises:
        ConfigError: if the backbone has no transformer.
        CollapseError: if the frozen encoder gives every slice the same vector, so nothing could be learnt.
    """

    chance: Mapping[str, float] = {"explained_variance": 0.0, "explained_beyond_position": 0.0}

    def __init__(
        self,
        backbone: MedicalTransformer,
        encoded: EncodedScans,
        *,
        training: Sequence[int] | None = None,
        ratio: float = 0.1,
    ) -> None:
        super().__init__()
        if backbone.transformer is None:
            raise ConfigError("Masked-encoding prediction teaches a transformer, but this backbone has none.")
        self.transformer = backbone.transformer
        self.ratio = ratio
        for plane in Plane:
            vectors = encoded.vectors[plane] if training is None else encoded.vectors[plane][list(training)]
            _refuse_collapse(plane, vectors)
            self.register_buffer(f"masked_{plane}", encoded.masked[plane])
            self.register_buffer(f"mean_{plane}", vectors.mean(dim=(0, 1)))
            self.register_buffer(f"slice_mean_{plane}", vectors.mean(dim=0))

    def forward(self, batch: EncodedSlices, generator: torch.Generator) -> Tensor:
        """Return the mean over planes of the error on masked slices, with a new draw per scan."""
        places, predicted = self._predict(batch, generator)
        errors = [functional.mse_loss(predicted[plane], _take(batch.vectors[plane], places[plane])) for plane in Plane]
        return torch.stack(errors).mean()

    def validate(self, batches: Iterable[EncodedSlices], generator: torch.Generator) -> Mapping[str, float]:
        """Return the loss and the explained variance.

        `explained_variance` is against predicting the plane's mean vector, and `explained_beyond_position`
        against predicting the mean vector of that very slice over the training scans, which is harder.
        """
        error = dict.fromkeys(("model", "mean", "slice_mean"), 0.0)
        count = 0
        for batch in batches:
            places, predicted = self._predict(batch, generator)
            for plane in Plane:
                vectors = batch.vectors[plane]
                truth = _take(vectors, places[plane])
                guesses = {"model": predicted[plane]} | {
                    kind: _take(getattr(self, f"{kind}_{plane}").expand_as(vectors), places[plane])
                    for kind in ("mean", "slice_mean")
                }
                for kind, guess in guesses.items():
                    error[kind] += float(functional.mse_loss(guess, truth)) * len(truth)
            count += len(Plane) * len(truth)
        return {
            "loss": error["model"] / count,
            "explained_variance": 1 - error["model"] / error["mean"],
            "explained_beyond_position": 1 - error["model"] / error["slice_mean"],
        }

    def _predict(
        self, batch: EncodedSlices, generator: torch.Generator
    ) -> tuple[dict[Plane, Places], dict[Plane, AskedEncodings]]:
        """Hide slices, and return which (in their order) and what the transformer says in their place."""
        places, hidden = {}, {}
        for plane in Plane:
            vectors = batch.vectors[plane]
            scans, slices = vectors.shape[:2]
            mask = draw_masks(scans, slices, self.ratio, generator).to(vectors.device)
            places[plane] = places_of(mask, masked_count(slices, self.ratio))
            hidden[plane] = torch.where(mask[..., None], getattr(self, f"masked_{plane}"), vectors)
        return places, self.transformer(hidden, places)


def places_of(mask: SliceMask, count: int) -> Places:
    """Return where a mask is true, in order; every row has `count` such places, so that no device is waited for."""
    return mask.byte().argsort(dim=1, descending=True, stable=True)[:, :count]


def _take(vectors: Encodings, places: Places) -> AskedEncodings:
    return vectors.take_along_dim(places[..., None], dim=1)


def _refuse_collapse(plane: Plane, vectors: Encodings) -> None:
    variance, power = float(vectors.var(dim=(0, 1)).mean()), float(vectors.square().mean())
    if variance <= COLLAPSED * max(power, 1e-12):
        raise CollapseError(
            f"The frozen {plane} encoder gives every slice the same vector, so predicting masked ones teaches "
            "nothing. Repeat stage 1 with a lower learning rate or more scans."
        )
