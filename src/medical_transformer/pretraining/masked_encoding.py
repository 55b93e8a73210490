"""Stage 2: the transformer predicts the encoding vectors of masked slices (paper section 3.3.1)."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from medical_transformer.backbones import MedicalTransformer
from medical_transformer.errors import CollapseError, ConfigError
from medical_transformer.pretraining.encodings import EncodedScans, EncodedSlices
from medical_transformer.pretraining.pretext import Pretext
from medical_transformer.shapes import Encodings, SliceMask
from medical_transformer.slices import Plane, draw_masks

COLLAPSED = 1e-10


class MaskedEncoding(Pretext[EncodedSlices]):
    """Mean squared error on the masked slices' vectors, averaged over planes; the encoder is frozen.

    Args:
        backbone: its transformer is taught.
        encoded: the training scans' vectors; they also give the mean vector that the explained variance is
            measured against.
        ratio: share of the slices of each plane that are masked.

    Raises:
        ConfigError: if the backbone has no transformer.
        CollapseError: if the frozen encoder gives every slice the same vector, so nothing could be learnt.
    """

    chance: Mapping[str, float] = {"explained_variance": 0.0, "explained_beyond_position": 0.0}

    def __init__(self, backbone: MedicalTransformer, encoded: EncodedScans, *, ratio: float = 0.1) -> None:
        super().__init__()
        if backbone.transformer is None:
            raise ConfigError("Masked-encoding prediction teaches a transformer, but this backbone has none.")
        self.transformer = backbone.transformer
        self.ratio = ratio
        for plane in Plane:
            vectors = encoded.vectors[plane]
            _refuse_collapse(plane, vectors)
            self.register_buffer(f"masked_{plane}", encoded.masked[plane])
            self.register_buffer(f"mean_{plane}", vectors.mean(dim=(0, 1)))
            self.register_buffer(f"slice_mean_{plane}", vectors.mean(dim=0))

    def forward(self, batch: EncodedSlices, generator: torch.Generator) -> Tensor:
        """Return the mean over planes of the error on masked slices, with a new draw per scan."""
        masks, predicted = self._predict(batch, generator)
        errors = [_masked_error(predicted[plane], batch.vectors[plane], masks[plane]) for plane in Plane]
        return torch.stack(errors).mean()

    def validate(self, batches: Iterable[EncodedSlices], generator: torch.Generator) -> Mapping[str, float]:
        """Return the loss and the explained variance.

        `explained_variance` is against predicting the plane's mean vector, and `explained_beyond_position`
        against predicting the mean vector of that very slice over the training scans, which is harder.
        """
        error = dict.fromkeys(("model", "mean", "slice_mean"), 0.0)
        count = 0
        for batch in batches:
            masks, predicted = self._predict(batch, generator)
            for plane in Plane:
                truth, mask = batch.vectors[plane], masks[plane]
                guesses = {"model": predicted[plane]} | {
                    kind: getattr(self, f"{kind}_{plane}").expand_as(truth) for kind in ("mean", "slice_mean")
                }
                for kind, guess in guesses.items():
                    error[kind] += float(_masked_error(guess, truth, mask)) * len(truth)
            count += len(Plane) * len(truth)
        return {
            "loss": error["model"] / count,
            "explained_variance": 1 - error["model"] / error["mean"],
            "explained_beyond_position": 1 - error["model"] / error["slice_mean"],
        }

    def _predict(
        self, batch: EncodedSlices, generator: torch.Generator
    ) -> tuple[dict[Plane, SliceMask], dict[Plane, Encodings]]:
        masks, hidden = {}, {}
        for plane in Plane:
            vectors = batch.vectors[plane]
            masks[plane] = draw_masks(len(vectors), vectors.shape[1], self.ratio, generator).to(vectors.device)
            masked = getattr(self, f"masked_{plane}")
            hidden[plane] = torch.where(masks[plane][..., None], masked, vectors)
        return masks, self.transformer(hidden)


def _masked_error(predicted: Encodings, truth: Encodings, mask: SliceMask) -> Tensor:
    return (predicted - truth)[mask].square().mean()


def _refuse_collapse(plane: Plane, vectors: Encodings) -> None:
    variance, power = float(vectors.var(dim=(0, 1)).mean()), float(vectors.square().mean())
    if variance <= COLLAPSED * max(power, 1e-12):
        raise CollapseError(
            f"The frozen {plane} encoder gives every slice the same vector, so predicting masked ones teaches "
            "nothing. Repeat stage 1 with a lower learning rate or more scans."
        )
