"""Seeds put together, and every method against the reference."""

from dataclasses import replace

import numpy as np
import pytest

from medical_transformer.evaluation import (
    EvaluationResult,
    FoldResult,
    MethodFacts,
    SubjectPrediction,
    Trial,
    Trials,
    compare_with_reference,
    score,
    summarise_cell,
)
from medical_transformer.evaluation.against_reference import training_ratio

FOLDS = 4


def trial(
    method: str = "transfer", seed: int = 0, *, error: float = 3.0, count: int = 40, fraction: float = 1.0
) -> Trial:
    rng = np.random.default_rng((seed, len(method)))
    ages = np.linspace(20, 80, count)
    predictions = [
        SubjectPrediction(
            scan=f"s{k}",
            subject=f"p{k}",
            fold=k % FOLDS + 1,
            truth=float(age),
            prediction=float(age + error * rng.normal()),
        )
        for k, age in enumerate(ages)
    ]
    folds = tuple(
        FoldResult(fold=f, metrics=score("regression", [one for one in predictions if one.fold == f]))
        for f in range(1, FOLDS + 1)
    )
    result = EvaluationResult(
        task="regression", label="age_years", primary_metric="mae", predictions=tuple(predictions), folds=folds
    )
    return Trial(method=method, task="brain-age", fraction=fraction, seed=seed, result=result)


def trials(*these: Trial) -> Trials:
    methods = tuple(MethodFacts(name=name, title=name) for name in ("scratch", "probe", "transfer"))
    return Trials(title="drawn", reference="transfer", methods=methods, trials=these)


def test_mean_and_spread_are_over_folds_and_seeds():
    seeds = [trial(seed=1), trial(seed=2), trial(seed=3)]
    cell = summarise_cell(seeds, resamples=100)
    values = [fold.metrics["mae"] for one in seeds for fold in one.result.folds]
    assert cell.scores["mae"].values == tuple(values)
    assert cell.scores["mae"].mean == pytest.approx(np.mean(values))
    assert cell.scores["mae"].standard_deviation == pytest.approx(np.std(values, ddof=1))
    assert (cell.seeds, cell.models, cell.subjects, cell.scans) == ((1, 2, 3), 12, 40, 40)


def test_the_interval_is_of_the_score_averaged_over_seeds():
    seeds = [trial(seed=1), trial(seed=2)]
    both = summarise_cell(seeds, resamples=200).scores["mae"]
    alone = [summarise_cell([one], resamples=200).scores["mae"] for one in seeds]
    assert both.pooled == pytest.approx(np.mean([one.pooled for one in alone]))
    assert both.interval.low < both.pooled < both.interval.high
    # Averaging seeds takes away their own scatter, not that of the subjects.
    assert both.interval.high - both.interval.low < max(one.interval.high - one.interval.low for one in alone)
    assert alone[0].seed_spread is None
    assert both.seed_spread == pytest.approx(np.std([one.pooled for one in alone], ddof=1))


def test_the_same_seed_twice_makes_nobody_surer():
    one = trial(seed=1)
    once = summarise_cell([one], resamples=200).scores["mae"].interval
    twice = summarise_cell([one, replace(one, seed=2)], resamples=200).scores["mae"].interval
    assert (once.low, once.high) == pytest.approx((twice.low, twice.high))


def test_constant_answers_and_undefined_scores_are_counted():
    one = trial()
    flat = tuple(replace(p, prediction=50.0) if p.fold == 2 else p for p in one.result.predictions)
    folds = tuple(
        replace(fold, metrics=score("regression", [p for p in flat if p.fold == fold.fold]))
        for fold in one.result.folds
    )
    cell = summarise_cell([replace(one, result=replace(one.result, predictions=flat, folds=folds))], resamples=50)
    assert cell.constant == 1
    assert cell.scores["pearson"].undefined == 1


def test_a_seed_that_lacks_a_fold_is_averaged_over_the_scans_that_all_have():
    whole, part = trial(seed=1), trial(seed=2)
    kept = tuple(p for p in part.result.predictions if p.fold < 3)
    part = replace(part, result=replace(part.result, predictions=kept, folds=part.result.folds[:2]))
    cell = summarise_cell([whole, part], resamples=50)
    assert (cell.scans, cell.folds) == (20, (4, 2))


def test_seeds_that_disagree_on_the_truth_are_refused():
    one, other = trial(seed=1), trial(seed=2)
    lie = (replace(other.result.predictions[0], truth=99.0), *other.result.predictions[1:])
    with pytest.raises(ValueError, match="another truth"):
        summarise_cell([one, replace(other, result=replace(other.result, predictions=lie))])


def test_a_worse_method_is_told_apart_by_interval_and_test_and_an_equal_one_is_not():
    these = [trial("transfer", s) for s in (1, 2, 3)] + [trial("scratch", s, error=12.0) for s in (1, 2, 3)]
    these += [trial("probe", s + 10, error=3.0) for s in (1, 2, 3)]
    these += [trial("probe", s, error=3.0) for s in (1, 2, 3)]
    found = {one.method: one for one in compare_with_reference(trials(*these), resamples=200)}
    assert found["scratch"].comparison.interval.low > 0
    assert found["scratch"].adjusted_p < 0.05
    assert found["scratch"].test.degrees == 3 * FOLDS - 1
    assert found["probe"].adjusted_p > 0.05
    assert found["probe"].seeds == (1, 2, 3)
    # Two tests in the family: the smaller p-value counts twice.
    assert found["scratch"].adjusted_p == pytest.approx(2 * found["scratch"].test.p_value)


def test_only_seeds_that_both_have_are_compared_and_none_without_any():
    these = (trial("transfer", 1), trial("transfer", 2), trial("scratch", 2), trial("probe", 7))
    found = compare_with_reference(trials(*these), resamples=50)
    assert [(one.method, one.seeds) for one in found] == [("scratch", (2,))]


def test_everybody_neither_tested_nor_validated_could_be_trained_on():
    one = trial()
    folds = tuple(replace(fold, sizes={"train": 2, "validation": 10, "test": 10}) for fold in one.result.folds)
    assert training_ratio(replace(one.result, folds=folds)) == pytest.approx(10 / 20)
