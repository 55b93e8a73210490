"""All ways to pre-train by name, and how each becomes an objective."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from medical_transformer.backbones import BACKBONES, find_backbone
from medical_transformer.contracts import Backbone
from medical_transformer.errors import ConfigError, TrainingError
from medical_transformer.pretraining import (
    AnyMethod,
    Exemplar,
    Jigsaw,
    JigsawSettings,
    MethodSettings,
    PatchLocation,
    PatchLocationSettings,
    PredictiveCoding,
    PredictiveCodingSettings,
    Pretext,
    Restoration,
    RestorationSettings,
    Rotation,
    RotationSettings,
    SliceTissues,
    SliceTissuesSettings,
    TwoStages,
    UnlabelledBatch,
    VolumeExemplar,
    VolumeExemplarSettings,
    draw_permutations,
    load_permutations,
    save_permutations,
)
from medical_transformer.tasks.heads import SegmentationHead
from medical_transformer.training import TrainingConfig
from medical_transformer.training.randomness import derive_seed, generator


@dataclass(frozen=True, slots=True)
class PretrainingMethod:
    """A way to pre-train.

    Attributes:
        title: what it is called in a table.
        teaches: what the network learns, as a sentence of its card.
        source: where it is described.
        publication: who described it, under which title.
        note: terms that bind its user.
        backbones: names of those that it can teach.
        licence: of this implementation.
    """

    title: str
    teaches: str
    source: str
    publication: str
    note: str = ""
    backbones: Collection[str] = field(default_factory=lambda: BACKBONES)
    licence: str = "Apache-2.0"


TALEB = ("arXiv 2006.03829", "Taleb et al. 2020, 3D Self-Supervised Methods for Medical Imaging")
METHODS: Mapping[str, PretrainingMethod] = {
    "medical-transformer": PretrainingMethod(
        "Medical Transformer",
        "A backbone pre-trained without labels in two stages: an exemplar network on Bezier-transformed scans, "
        "then the prediction of masked slices' encoding vectors.",
        "arXiv 2104.13633",
        "Jun et al. 2021, Medical Transformer: Universal Brain Encoder for 3D MRI Analysis",
        backbones=("medical-transformer",),
    ),
    "slice-tissues": PretrainingMethod(
        "Slice tissues",
        "A backbone pre-trained without labels in two stages: each slice's vector tells how much CSF, grey and white "
        "matter lies where in the slice, whatever intensity curve the scan was sent through; then the prediction of "
        "masked slices' encoding vectors, as in the paper.",
        "docs/decisions/0023-slice-tissues.md",
        "a method of this package, not published",
        backbones=("medical-transformer",),
    ),
    "3d-rpl": PretrainingMethod(
        "3-D relative patch location",
        "A backbone pre-trained without labels: it tells which of 26 neighbours of the central patch it is shown.",
        *TALEB,
    ),
    "3d-rotation": PretrainingMethod(
        "3-D rotation",
        "A backbone pre-trained without labels: it tells by which of ten quarter turns a scan was rotated.",
        *TALEB,
    ),
    "3d-jigsaw": PretrainingMethod(
        "3-D jigsaw",
        "A backbone pre-trained without labels: it tells by which of fixed permutations 27 patches were shuffled.",
        *TALEB,
    ),
    "3d-cpc": PretrainingMethod(
        "3-D contrastive predictive coding",
        "A backbone pre-trained without labels: it tells the patches that follow in a scan from those of others.",
        *TALEB,
    ),
    "3d-exemplar": PretrainingMethod(
        "3-D exemplar",
        "A backbone pre-trained without labels: an augmented scan is nearer to itself than to another subject's.",
        *TALEB,
    ),
    "models-genesis": PretrainingMethod(
        "Models Genesis",
        "A backbone pre-trained without labels: it restores scans from distorted ones.",
        "doi 10.1016/j.media.2020.101840",
        "Zhou et al. 2021, Models Genesis",
        "The authors' own code and weights are for academic, non-commercial use, and they say that a patent is "
        "pending; neither is part of this package.",
    ),
}


# What each method's settings become; of two stages, the first.
TAUGHT_BY: Mapping[type[MethodSettings], type[Pretext[UnlabelledBatch]]] = {
    TwoStages: Exemplar,
    SliceTissuesSettings: SliceTissues,
    PatchLocationSettings: PatchLocation,
    RotationSettings: Rotation,
    JigsawSettings: Jigsaw,
    PredictiveCodingSettings: PredictiveCoding,
    VolumeExemplarSettings: VolumeExemplar,
    RestorationSettings: Restoration,
}


def refuse_unteachable(method: str, backbone: str) -> None:
    """Refuse a backbone that a way to pre-train cannot teach.

    Raises:
        ConfigError: naming those that it can teach, or the nearest name of one that does not exist.
    """
    find_backbone(backbone)
    chosen = METHODS[method]
    if backbone not in chosen.backbones:
        raise ConfigError(
            f"{chosen.title} cannot teach backbone {backbone!r}; it teaches {', '.join(chosen.backbones)}. "
            "Choose one of these, or another method."
        )


def refuse_lone_scans(method: AnyMethod, training: TrainingConfig) -> None:
    """Refuse batches of one scan where a pretext task needs two.

    Raises:
        ConfigError: saying why it needs them.
    """
    why = TAUGHT_BY[type(method)].needs_two
    if training.batch_size < 2 and why:
        raise ConfigError(f"{METHODS[method.name].title} needs a batch size of 2 or more: {why}.")


def build_pretext(settings: MethodSettings, backbone: Backbone, folder: Path, seed: int) -> Pretext[UnlabelledBatch]:
    """Build the objective of a pretext task around a backbone, with initial weights that only the seed decides.

    Args:
        settings: of the method; not of one that has two stages.
        backbone: is taught.
        folder: of the run, where a jigsaw keeps its permutations.
        seed: decides weights and permutations.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "head"))
        return _build(settings, backbone, folder, seed)


def _build(settings: MethodSettings, backbone: Backbone, folder: Path, seed: int) -> Pretext[UnlabelledBatch]:
    match settings:
        case PatchLocationSettings():
            return PatchLocation(backbone, share=settings.patch_share)
        case RotationSettings():
            return Rotation(backbone, side=settings.side)
        case JigsawSettings():
            return Jigsaw(backbone, _permutations(settings, folder, seed), share=settings.patch_share)
        case PredictiveCodingSettings():
            return PredictiveCoding(
                backbone, code_size=settings.code_size, loss=settings.loss, negatives=settings.negatives
            )
        case VolumeExemplarSettings():
            return VolumeExemplar(
                backbone,
                margin=settings.margin,
                code_size=settings.code_size,
                separate_layers=settings.separate_layers,
            )
        case RestorationSettings():
            channels = backbone.in_channels
            own = backbone.build_decoder(channels)
            decoder = SegmentationHead(backbone.map_channels, channels) if own is None else own
            return Restoration(backbone, decoder, cube=settings.cube)
    raise AssertionError(settings)


def _permutations(settings: JigsawSettings, folder: Path, seed: int) -> Tensor:
    """Return the run's permutations: those in its folder, or new ones that are kept there.

    Raises:
        TrainingError: if others lie there, or damaged ones.
    """
    path = folder / "permutations.tsv"
    if not path.is_file():
        if settings.choice == "distant":
            text = f"Choosing {settings.permutations} permutations that lie far apart; 1000 take half a minute."
            Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)
        drawn = draw_permutations(settings.permutations, generator(seed, "permutations"), choice=settings.choice)
        save_permutations(drawn, path)
    found = load_permutations(path)
    if len(found) != settings.permutations:
        raise TrainingError(
            f"{path} has {len(found)} permutations, but {settings.permutations} were asked for; choose another folder."
        )
    return found
