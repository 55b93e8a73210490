"""A comparison on the drawn heads that runs in seconds."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medical_transformer.experiments.comparison import Compared, ComparisonConfig, compare

BACKBONE = {"settings": {"width": 4, "embedding": 8, "feed_forward": 12, "heads": 2, "head_size": 5}}
TRAINING = {"epochs": 1, "batch_size": 4, "learning_rate": 1e-3, "device": "cpu", "compile": "never"}


@pytest.fixture(autouse=True)
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write no page in each test: `everything` is made before this, with its page; another room tests pages."""
    module = sys.modules[compare.__module__]
    monkeypatch.setattr(module, "write_comparison", lambda _, folder, **__: folder / "comparison.html")


@pytest.fixture(scope="session")
def experiment(prepared: Path) -> Callable[..., ComparisonConfig]:
    """Return a maker of experiment files: two methods on one task, three folds, one seed."""

    def make(**changes: Any) -> ComparisonConfig:
        settings = {
            "title": "drawn",
            "tasks": {"brain-age": {"prepared": prepared, "label": "age_years"}},
            "methods": {
                "scratch": {"title": "From scratch", "backbone": BACKBONE},
                "classical": {"kind": "classical", "title": "Tissue volumes"},
            },
            "reference": "scratch",
            "training": TRAINING,
            "folds": 3,
            "seeds": (0,),
        }
        return ComparisonConfig.model_validate(settings | changes)

    return make


@pytest.fixture(scope="session")
def pretraining(prepared: Path) -> dict[str, Any]:
    """Return a pre-training of one epoch per stage."""
    settings = {"backbone": BACKBONE, "exemplar": TRAINING, "masked": TRAINING, "validation": 0.33}
    return {"prepared": prepared, "settings": settings}


@pytest.fixture(scope="session")
def everything(
    experiment: Callable[..., ComparisonConfig],
    pretraining: dict[str, Any],
    prepared: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ComparisonConfig, Path, Compared]:
    """Return a comparison of all kinds of methods on a number and on label maps, done."""
    tumour = {"prepared": prepared, "regions": {"whole": (1, 2), "core": (1,)}}
    config = experiment(
        tasks={"brain-age": {"prepared": prepared, "label": "age_years"}, "tumour": tumour},
        methods={
            "scratch": {"backbone": BACKBONE},
            "transfer": {"backbone": BACKBONE, "pretraining": "two-stages", "group": "self-supervised"},
            "classical": {"kind": "classical"},
        },
        reference="transfer",
        pretraining={"two-stages": pretraining},
    )
    out = tmp_path_factory.mktemp("comparison")
    return config, out, compare(config, out)
