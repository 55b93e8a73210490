"""Linear models on a vector per scan: the classical baseline's and the probe's last step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge

from medical_transformer.cohorts import Scan
from medical_transformer.errors import CohortError
from medical_transformer.evaluation import SubjectPrediction, score
from medical_transformer.experiments.fold_results import classes_of, primary_metric
from medical_transformer.tasks import AnyTask, Classification

Features = Float[np.ndarray[Any, Any], "scan feature"]
# The say of a measure of its own, such as the intracranial volume, beside that of all other features together. With a
# tenth of the variance, sex and age were told as well as with a hundredth or with as much as all others.
OWN_SHARE = 0.1
PENALTIES = tuple(float(penalty) for penalty in np.logspace(-5, 4, 19))


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A ridge or a logistic regression on standardised features.

    Attributes:
        task: a regression or a classification.
        scale: what each feature is divided by.
        reduced: from scaled features to components.
        estimator: fitted to the components.
        penalty: the strength that was best on the validation scans.
    """

    task: AnyTask
    scale: Features
    reduced: Any
    estimator: Any
    penalty: float

    def answer(self, features: Features, scans: Sequence[Scan], fold: int) -> list[SubjectPrediction]:
        """Answer for scans by their features."""
        answers = self._answers(self.reduced.transform(features / self.scale))
        return [
            SubjectPrediction(
                scan=scan.name,
                subject=scan.subject,
                fold=fold,
                truth=self.task.truth(scan),
                prediction=value,
                probabilities=probabilities,
            )
            for scan, (value, probabilities) in zip(scans, answers, strict=True)
        ]

    def layer(self) -> tuple[Features, Features]:
        """Return the same model as one linear layer on the features: outputs by features, and a bias per output.

        The outputs are the number, or a score per class in the order of the task, whose softmax is its probability.
        """
        coefficients, constants = np.atleast_2d(self.estimator.coef_), np.atleast_1d(self.estimator.intercept_)
        if isinstance(self.task, Classification) and len(coefficients) == 1:
            # Two classes have one score, that of the second: half of it to either side gives the same softmax.
            coefficients, constants = (
                np.concatenate([-coefficients, coefficients]) / 2,
                np.array([-1, 1]) * constants / 2,
            )
        on_features = coefficients @ self.reduced.components_ / self.scale
        return on_features, constants - coefficients @ self.reduced.components_ @ self.reduced.mean_

    def _answers(self, components: Features) -> list[tuple[float | str, dict[str, float]]]:
        if not isinstance(self.task, Classification):
            return [(float(number), {}) for number in self.estimator.predict(components)]
        names = [str(name) for name in self.estimator.classes_]
        chances = (dict(zip(names, row, strict=True)) for row in self.estimator.predict_proba(components))
        return [_most_likely(row, self.task.classes) for row in chances]


def fit_linear(
    task: AnyTask,
    training: tuple[Features, Sequence[Scan]],
    validation: tuple[Features, Sequence[Scan]],
    *,
    own: int = 0,
    by_loss: bool = False,
) -> LinearModel:
    """Fit one model per penalty on the training scans, and take the one that does best on the validation scans.

    Args:
        task: a regression or a classification.
        training: features and scans.
        validation: likewise.
        own: how many of the last features are measures of their own, not one of many alike.
        by_loss: choose the penalty of a classification by the loss that a training would go on with, and not by a
            score that knows the order of the answers only: a model that ranks well may be far too sure.

    Raises:
        CohortError: if all training scans have one label, so that there is nothing to learn.
    """
    truth = [task.truth(scan) for scan in training[1]]
    if len(set(truth)) < 2:
        raise CohortError(
            f"All {len(truth)} training scans have {task.label} {truth[0]}; a linear model needs two different labels. "
            "Take more subjects, fewer folds or a larger share of the labels."
        )
    scale = _scale(training[0].astype(np.float64), own)
    # As many components as there are scans lose nothing, and make nineteen penalties nearly as cheap as one.
    reduced = PCA(svd_solver="full").fit(training[0] / scale)
    components = reduced.transform(training[0] / scale)
    fitted = [LinearModel(task, scale, reduced, _estimator(task, one).fit(components, truth), one) for one in PENALTIES]
    merit = _likelihood if by_loss and isinstance(task, Classification) else _score
    merits = [merit(task, model.answer(*validation, fold=0)) for model in fitted]
    return fitted[int(np.argmax(np.nan_to_num(merits, nan=-np.inf)))]


def _score(task: AnyTask, answers: Sequence[SubjectPrediction]) -> float:
    """Return the task's first score, the larger the better."""
    name = primary_metric(task)
    value = score(task.kind, answers, classes_of(task)).get(name, np.nan)
    return -value if name == "mae" else value


def _likelihood(task: AnyTask, answers: Sequence[SubjectPrediction]) -> float:
    """Return the mean logarithm of the probability of the true class."""
    return float(np.mean([np.log(max(one.probabilities[str(one.truth)], 1e-12)) for one in answers]))


def _scale(features: Features, own: int) -> Features:
    """Return what makes every feature vary alike, and the last of them as much as `OWN_SHARE` says.

    Dividing each by its own spread alone would blow up those that hardly vary in training and may do so later; so no
    feature is divided by less than half of what is usual. The total is of variance one per scan.
    """
    spread = features.std(axis=0)
    if own:
        alone = np.where(spread[-own:] > 0, spread[-own:], 1.0)
        return np.concatenate([_scale(features[:, :-own], 0), alone / np.sqrt(OWN_SHARE)])
    usual = float(np.sqrt((spread**2).mean())) or 1.0
    bounded = np.maximum(spread, usual / 2)
    total: Features = bounded * np.sqrt(((spread / bounded) ** 2).sum() or 1.0)
    return total


def _estimator(task: AnyTask, penalty: float) -> Any:
    if isinstance(task, Classification):
        return LogisticRegression(C=1 / penalty, max_iter=1000, class_weight="balanced")
    return Ridge(alpha=penalty)


def _most_likely(chances: dict[str, float], classes: Sequence[str]) -> tuple[float | str, dict[str, float]]:
    """Return the likeliest class and every class's probability; one that was not seen in training has none."""
    probabilities = {name: float(chances.get(name, 0.0)) for name in classes}
    return max(probabilities, key=probabilities.__getitem__), probabilities
