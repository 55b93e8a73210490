"""Look for why most of the paper's rivals tell diagnoses at chance (Table 1, mAUC 0.50): the method or its settings?

Commands::

    python benchmarks/rivals_at_chance.py folds
    python benchmarks/rivals_at_chance.py train PREPARED --backbone 3d-ssl --learning-rate 1e-4 --pool 4 --epochs 20

`folds` draws answers that know nothing of the diagnosis, for test folds with the counts of Table 2, and asks how often
the five mAUCs of a row would lie as near to one another as the paper prints. It needs no scans.

`train` teaches a network from random weights to tell who is older than the median, with the paper's batches of 10 and
decay of 0.99, on three of four subjects. After some epochs it prints the area under the curve of the others, and how
far their answers spread, with the running statistics that batch normalisation has gathered (`kept`) and with the
statistics of the training scans under the weights of that moment (`fresh`). Without batch normalisation both agree.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from medical_transformer.evaluation.metrics import auc, hand_till_mauc
from medical_transformer.experiments.config import BackboneConfig, InputConfig
from medical_transformer.experiments.data import UnlabelledSource, open_data
from medical_transformer.experiments.training_run import new_backbone
from medical_transformer.tasks import Classification, TaskModel

FOLDS, BATCH, DECAY = 5, 10, 0.99
# Table 2: CN, MCI, AD. Table 1: mAUC and its spread over five folds.
DIAGNOSES = (433, 748, 359)
PRINTED = {
    "NiftyNet": (0.5031, 0.0165),
    "3D-RPL": (0.4849, 0.0333),
    "3D-Rotation": (0.4965, 0.0077),
    "3D-Jigsaw": (0.4950, 0.0202),
    "3D-CPC": (0.4943, 0.0109),
    "3D-Exemplar": (0.5085, 0.0163),
    "Models Genesis": (0.4997, 0.0004),
}


def folds(given: argparse.Namespace) -> None:
    """Print how the mAUC of ignorant answers spreads, and how rare each printed spread is."""
    draw = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), [round(count / FOLDS) for count in DIAGNOSES])
    scores = draw.random((given.draws, FOLDS, len(truth), 3))
    areas = np.array([[hand_till_mauc(truth, fold) for fold in row] for row in scores])
    for name, divisor in (("n", 0), ("n - 1", 1)):
        spreads = areas.std(axis=1, ddof=divisor)
        print(f"spread of five ignorant folds, over {name}: {np.quantile(spreads, (0.05, 0.5, 0.95)).round(4)}")
        for method, (mean, spread) in PRINTED.items():
            share = (spreads <= spread).mean()
            print(f"  {method:15} {mean:.4f} ± {spread:.4f}: as little or less in {share:.4f} of {given.draws} draws")


def train(given: argparse.Namespace) -> None:
    """Train from random weights and print a row per look."""
    torch.set_num_threads(1)
    volumes, older = _labelled(given.prepared, given.pool)
    order = torch.randperm(len(older), generator=torch.Generator().manual_seed(0))
    testing, training = order[: len(order) // 4], order[len(order) // 4 :]
    backbone = new_backbone(BackboneConfig(name=given.backbone), InputConfig(), given.seed)
    torch.manual_seed(given.seed)
    model = TaskModel(backbone, Classification(label="older", classes=("younger", "older")))
    optimizer = torch.optim.Adam(model.parameters(), given.learning_rate)
    print(f"{given.backbone}, {given.learning_rate:g}: {len(training)} train, {len(testing)} tested", flush=True)
    print("epoch\tloss\tkept_auc\tkept_spread\tfresh_auc\tfresh_spread", flush=True)
    for epoch in range(1, given.epochs + 1):
        loss = _epoch(model, optimizer, volumes[training], older[training])
        for group in optimizer.param_groups:
            group["lr"] *= DECAY
        if epoch % given.every == 0:
            row = [*_look(model, volumes[testing], older[testing])]
            with _fresh_statistics(model, volumes[training]):
                row += _look(model, volumes[testing], older[testing])
            print(f"{epoch}\t{loss:.3f}\t" + "\t".join(f"{value:.3f}" for value in row), flush=True)


def _labelled(prepared: Path, pool: int) -> tuple[Tensor, Tensor]:
    """Return the scans of known age, and 1 for those above the median."""
    data = open_data(prepared, InputConfig(pool=pool))
    places = [place for place, scan in enumerate(data.cohort.scans) if "age_years" in scan.labels]
    ages = torch.tensor([float(data.cohort.scans[place].labels["age_years"]) for place in places])
    return UnlabelledSource(data).volumes(places), (ages > ages.median()).long()


def _epoch(model: TaskModel, optimizer: torch.optim.Optimizer, volumes: Tensor, older: Tensor) -> float:
    model.train()
    losses = []
    for batch in torch.randperm(len(older)).split(BATCH):
        loss = functional.cross_entropy(model(volumes[batch]), older[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


@torch.no_grad()
def _look(model: TaskModel, volumes: Tensor, older: Tensor) -> tuple[float, float]:
    """Return the area under the curve, and the standard deviation of the answers' probabilities."""
    model.eval()
    answers = torch.cat([model(part).softmax(dim=1)[:, 1] for part in volumes.split(BATCH)]).double().numpy()
    return auc(older.numpy() == 1, answers), float(answers.std())


@contextmanager
def _fresh_statistics(model: nn.Module, volumes: Tensor) -> Iterator[None]:
    """Give batch normalisation the mean statistics of the training scans for a while, without dropout."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm3d)]
    kept = [(norm.momentum, {name: value.clone() for name, value in norm.state_dict().items()}) for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        for part in volumes.split(BATCH) if norms else ():
            model(part)
    try:
        yield
    finally:
        for norm, (momentum, state) in zip(norms, kept, strict=True):
            norm.momentum = momentum
            norm.load_state_dict(state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("folds")
    verb.add_argument("--draws", type=int, default=4000)
    verb.set_defaults(run=folds)
    verb = verbs.add_parser("train")
    verb.add_argument("prepared", type=Path)
    verb.add_argument("--backbone", default="3d-ssl")
    verb.add_argument("--learning-rate", type=float, default=1e-4)
    verb.add_argument("--pool", type=int, default=4)
    verb.add_argument("--epochs", type=int, default=20)
    verb.add_argument("--every", type=int, default=2)
    verb.add_argument("--seed", type=int, default=0)
    verb.set_defaults(run=train)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
