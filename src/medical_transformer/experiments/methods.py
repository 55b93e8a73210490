"""`medtrans methods`: all that can be compared, with exact parameter counts per task (Table 3 of the paper)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from medical_transformer.backbones import BACKBONES, build_backbone, find_backbone
from medical_transformer.backbones.published_files import KNOWN
from medical_transformer.backbones.registry import MEASUREMENTS
from medical_transformer.backbones.undrawn import undrawn
from medical_transformer.experiments.pretext_tasks import METHODS
from medical_transformer.tasks import BRATS_REGIONS, AnyTask, Classification, Regression, Segmentation, TaskModel

# The paper's three tasks: AD/MCI/CN and age from one T1 scan, tumours from four modalities.
TABLE_3: Mapping[str, tuple[AnyTask, int]] = {
    "classification": (Classification(label="diagnosis", classes=("CN", "MCI", "AD")), 1),
    "regression": (Regression(label="age_years", unit="years"), 1),
    "segmentation": (Segmentation(values=(1, 2, 4), regions=BRATS_REGIONS), 4),
}


@dataclass(frozen=True, slots=True)
class Method:
    """A backbone that can be chosen by name.

    Attributes:
        name: what `--backbone` takes.
        title: what it is called in a table.
        parameters: trainable weights per task, with the paper's classes and modalities.
        printed: what Table 3 of the paper prints, in millions, per task; empty where it has no row.
        source: where it is described.
        licence: of the implementation.
        weights: who published weights for it, and under which licence.
        taught_on: scans and intensities that these were taught on.
        intensities: the setting that brings a prepared scan there; `--weights` chooses it.
        known: names under which such weights are fetched, for `--weights`.
        note: where it differs from what Table 3 counted.
    """

    name: str
    title: str
    parameters: Mapping[str, int]
    printed: Mapping[str, str]
    source: str
    licence: str
    weights: str
    taught_on: str
    intensities: str
    known: tuple[str, ...]
    note: str


def methods() -> tuple[Method, ...]:
    """List all backbones; the counts come from networks that are really built."""
    return tuple(
        Method(
            name=name,
            title=entry.title,
            parameters={kind: _count(name, *row) for kind, row in TABLE_3.items()},
            printed=dict(zip(TABLE_3, entry.printed, strict=False)),
            source=entry.source,
            licence=entry.licence,
            weights=entry.weights,
            taught_on=entry.taught_on,
            intensities=entry.intensities,
            known=tuple(known for known, weights in KNOWN.items() if weights.backbone == name),
            note=entry.note,
        )
        for name, entry in BACKBONES.items()
    )


def listing() -> list[dict[str, Any]]:
    """List everything that can be compared, as plain values.

    Returns:
        Dictionaries whose `kind` is `backbone` (`--backbone`), `pretraining` (`--method` of `pretrain`) or `classical`
        (`--backbone`, with a linear model fitted in closed form).
    """
    classical = [
        {"name": name, "title": one.title, "source": one.source, "licence": one.licence, "note": one.note}
        for name, one in MEASUREMENTS.items()
    ]
    return [
        *({"kind": "backbone", **asdict(method)} for method in methods()),
        *(
            {"kind": "pretraining", "name": name, **asdict(replace(one, backbones=tuple(one.backbones)))}
            for name, one in METHODS.items()
        ),
        *({"kind": "classical", **one} for one in classical),
    ]


def printed_sizes(name: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return what Table 3 prints of a backbone, in millions per kind of task, where it counted a network of this size.

    Settings that change no weight, such as a dropout, do not matter, and neither do modalities and classes: Table 3
    has one figure for all of them.
    """
    figures = dict(zip(TABLE_3, find_backbone(name).printed, strict=False))
    own, counted = (_layout(name, {**one, "in_channels": 1}) for one in (settings, {}))
    return {kind: figure for kind, figure in figures.items() if own[kind] == counted[kind]}


def _layout(name: str, settings: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return all that decides the number of weights for each kind of task, beside modalities and classes."""
    with undrawn():
        network = build_backbone(name, settings)
        decoder = network.build_decoder(1)
    trunk = [tensor.shape for tensor in network.parameters()]
    vector = (trunk, network.hidden_features)
    maps = (trunk, None if decoder is None else [tensor.shape for tensor in decoder.parameters()])
    return {"classification": vector, "regression": vector, "segmentation": maps}


def _count(name: str, task: AnyTask, channels: int) -> int:
    with undrawn():
        model = TaskModel(build_backbone(name, {"in_channels": channels}), task)
    return sum(parameter.numel() for parameter in model.parameters())
