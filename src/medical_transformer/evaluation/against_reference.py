"""Every method against the reference, on every task and share, with the correction for so many comparisons."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from medical_transformer.evaluation.comparison import Comparison, compare_seeds
from medical_transformer.evaluation.pairing import pair
from medical_transformer.evaluation.resampled_test import ResampledTest, corrected_resampled_t, holm
from medical_transformer.evaluation.results import EvaluationResult
from medical_transformer.evaluation.trials import Trial, Trials

# What `adjusted_p` is adjusted for, in words for a page.
FAMILY = "all methods, shares of the labels and headline scores of one task"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstReference:
    """One headline score of one method compared with the reference.

    Attributes:
        method: name of the method.
        task: name of the task.
        fraction: share of the training labels.
        seeds: those that both have done; only these are compared.
        comparison: the paired bootstrap over subjects; `difference` is the method's score minus the reference's.
        test: the corrected resampled t-test over folds and seeds; None where it cannot be made.
        adjusted_p: its p-value after Holm's correction over `FAMILY`; NaN without a test.
    """

    method: str
    task: str
    fraction: float
    seeds: tuple[int, ...]
    comparison: Comparison
    test: ResampledTest | None
    adjusted_p: float = math.nan


def compare_with_reference(trials: Trials, *, seed: int = 0, resamples: int = 2000) -> tuple[AgainstReference, ...]:
    """Compare every method with the reference wherever both have a seed in common.

    Raises:
        ValueError: if two methods do not agree on the truth of a scan.
    """
    found: list[AgainstReference] = []
    for task in trials.tasks:
        family = [
            one
            for fraction in trials.fractions
            for method in trials.methods
            if method.name != trials.reference
            for one in compare_methods(
                trials, (method.name, trials.reference), task, fraction, seed=seed, resamples=resamples
            )
        ]
        adjusted = holm([one.test.p_value if one.test else math.nan for one in family])
        found += [replace(one, adjusted_p=p_value) for one, p_value in zip(family, adjusted, strict=True)]
    return tuple(found)


def compare_methods(
    trials: Trials, methods: tuple[str, str], task: str, fraction: float = 1.0, *, seed: int = 0, resamples: int = 2000
) -> Iterator[AgainstReference]:
    """Compare a method with another one, by every headline score; the p-values are not adjusted.

    Raises:
        ValueError: if the two do not agree on the truth of a scan.
    """
    ours, theirs = ({one.seed: one for one in trials.of(method, task, fraction)} for method in methods)
    seeds = tuple(one for one in ours if one in theirs)
    if not seeds:
        return
    pairs = [(ours[one], theirs[one]) for one in seeds]
    for metric in headline_metrics(pairs[0][0].result):
        first, second = ([both[side].result for both in pairs] for side in (0, 1))
        if metric not in pair([*first, *second]).metrics:
            continue
        comparison = compare_seeds(first, second, metric=metric, seed=seed, resamples=resamples)
        ratio = sum(training_ratio(result) for result in second) / len(second)
        test = corrected_resampled_t(_fold_differences(pairs, metric), ratio)
        yield AgainstReference(
            method=methods[0], task=task, fraction=fraction, seeds=seeds, comparison=comparison, test=test
        )


def headline_metrics(result: EvaluationResult) -> tuple[str, ...]:
    """Return the scores that tables show: the primary one, and for a segmentation the Dice of every region."""
    if result.task != "segmentation":
        return (result.primary_metric,)
    return tuple(dict.fromkeys([result.primary_metric, *(f"dice_{region}" for region in result.classes)]))


def training_ratio(result: EvaluationResult) -> float:
    """Return the test subjects per subject that a fold could have trained on, in the mean over the folds.

    Everybody who is neither tested nor validated could have been trained on. The share of the labels is left out of
    account: training sets of a smaller share overlap less, so this errs on the side of caution, but
    not as far as counting the few that were drawn, which no overlap would justify.
    """
    ratios = []
    for fold in result.folds:
        tested = len({one.subject for one in result.of_fold(fold.fold)})
        validated = len({one.subject for one in fold.validation}) or fold.sizes.get("validation", 0)
        ratios.append(tested / max(len(result.subjects) - tested - validated, 1))
    return sum(ratios) / len(ratios)


def _fold_differences(pairs: Sequence[tuple[Trial, Trial]], metric: str) -> list[float]:
    """Return the difference of every fold of every seed that both have."""
    differences = []
    for ours, theirs in pairs:
        known = {fold.fold: fold.metrics.get(metric, math.nan) for fold in theirs.result.folds}
        differences += [
            fold.metrics.get(metric, math.nan) - known[fold.fold] for fold in ours.result.folds if fold.fold in known
        ]
    return differences
