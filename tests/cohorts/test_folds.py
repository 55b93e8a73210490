import itertools
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medical_transformer.cohorts import (
    Cohort,
    Fold,
    Scan,
    limit_training,
    load_folds,
    make_folds,
    save_folds,
)
from medical_transformer.errors import CohortError, LeakageError


def cohort_of(labels: dict[str, dict[str, float | str]], scans_each: int = 1) -> Cohort:
    scans = tuple(
        Scan(
            subject=subject,
            name=f"{subject}_{visit}",
            images={"T1w": Path(f"{subject}_{visit}.nii")},
            labels=said,
        )
        for subject, said in labels.items()
        for visit in range(scans_each)
    )
    return Cohort("test", Path("somewhere"), scans)


def classes(sizes: dict[str, int]) -> Cohort:
    return cohort_of(
        {f"{name}{number:03d}": {"diagnosis": name} for name, size in sizes.items() for number in range(size)}
    )


@given(st.integers(3, 7), st.integers(7, 60), st.integers(1, 3), st.integers(0, 99))
def test_every_subject_is_tested_exactly_once(count: int, subjects: int, visits: int, seed: int) -> None:
    cohort = cohort_of({f"s{number}": {} for number in range(subjects)}, visits)
    tested = [subject for fold in make_folds(cohort, count, seed=seed) for subject in fold.test]
    assert sorted(tested) == list(cohort.subjects)


@given(st.integers(3, 7), st.integers(7, 60), st.integers(0, 99))
def test_every_fold_holds_everybody_once(count: int, subjects: int, seed: int) -> None:
    cohort = cohort_of({f"s{number}": {} for number in range(subjects)})
    for fold in make_folds(cohort, count, seed=seed):
        assert len(fold.train) + len(fold.validation) + len(fold.test) == subjects
        assert fold.subjects == set(cohort.subjects)


@given(st.dictionaries(st.sampled_from(["CN", "MCI", "AD"]), st.integers(1, 40), min_size=1), st.integers(0, 9))
def test_each_class_is_spread_over_the_folds_to_within_one_subject(sizes: dict[str, int], seed: int) -> None:
    cohort = classes({"filler": 5, **sizes})
    folds = make_folds(cohort, 5, label="diagnosis", seed=seed)
    for name in sizes:
        counts = [sum(subject.startswith(name) for subject in fold.test) for fold in folds]
        assert max(counts) - min(counts) <= 1


def test_a_number_is_spread_by_its_quantiles() -> None:
    cohort = cohort_of({f"s{age}": {"age_years": float(age)} for age in range(20, 90)})
    for fold in make_folds(cohort, 5, label="age_years"):
        young = sum(int(subject[1:]) < 55 for subject in fold.test)
        assert young == 7


def test_fold_i_tests_and_fold_i_plus_one_validates() -> None:
    folds = make_folds(classes({"a": 23}), 5)
    assert [fold.validation for fold in folds] == [folds[(i + 1) % 5].test for i in range(5)]


def test_folds_do_not_depend_on_the_order_of_scans() -> None:
    cohort = classes({"CN": 20, "AD": 11})
    shuffled = list(cohort.scans)
    random.Random(3).shuffle(shuffled)
    again = Cohort("test", Path("somewhere"), tuple(shuffled))
    assert make_folds(again, 5, label="diagnosis") == make_folds(cohort, 5, label="diagnosis")


def test_another_seed_deals_otherwise() -> None:
    cohort = classes({"a": 30})
    assert make_folds(cohort, seed=0) != make_folds(cohort, seed=1)


def test_a_subject_without_the_label_is_tested_too() -> None:
    cohort = cohort_of({f"s{number}": {"sex": "male"} if number else {} for number in range(9)})
    assert any("s0" in fold.test for fold in make_folds(cohort, 3, label="sex"))


def test_fewer_subjects_than_folds_are_refused() -> None:
    with pytest.raises(CohortError, match=r"4 subjects, too few for 5 folds"):
        make_folds(classes({"a": 4}), 5)


def test_two_folds_are_refused_because_nobody_would_train() -> None:
    with pytest.raises(CohortError, match=r"take 3 or more"):
        make_folds(classes({"a": 9}), 2)


def test_an_unknown_label_is_refused_with_those_that_exist() -> None:
    with pytest.raises(CohortError, match=r"there are: diagnosis"):
        make_folds(classes({"a": 9}), 3, label="age")


@pytest.mark.parametrize("parts", [("ab", "b", "c"), ("ab", "c", "a"), ("a", "bc", "c")])
def test_a_leaking_fold_cannot_be_constructed(parts: tuple[str, str, str]) -> None:
    with pytest.raises(LeakageError, match=r"two parts of the split"):
        Fold(*(frozenset(part) for part in parts))


def test_saving_and_loading_folds_changes_nothing(tmp_path: Path) -> None:
    folds = make_folds(classes({"CN": 13, "AD": 6}), 4, label="diagnosis")
    save_folds(folds, tmp_path / "folds.tsv")
    assert load_folds(tmp_path / "folds.tsv") == folds


def test_folds_that_the_table_could_not_bring_back_are_not_saved(tmp_path: Path) -> None:
    first, *others = make_folds(classes({"a": 20}), 4)
    with pytest.raises(CohortError, match=r"before limiting"):
        save_folds([limit_training(first, 0.5), *others], tmp_path / "folds.tsv")


def test_a_subject_in_two_folds_of_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folds.tsv").write_text("subject\tfold\na\t1\nb\t2\na\t3\n")
    with pytest.raises(LeakageError, match=r"'a' stands in the table twice"):
        load_folds(tmp_path / "folds.tsv")


@pytest.mark.parametrize(
    "rows", ["a\t1\nb\t2\nc\t4\n", "a\t1\nb\tsecond\nc\t3\n", "a\t1\nb\t2\n", "a\t0\nb\t1\nc\t2\n", ""]
)
def test_a_damaged_table_of_folds_is_refused(tmp_path: Path, rows: str) -> None:
    (tmp_path / "folds.tsv").write_text("subject\tfold\n" + rows)
    with pytest.raises(CohortError, match=r"folds\.tsv"):
        load_folds(tmp_path / "folds.tsv")


@given(st.integers(5, 50), st.integers(0, 50), st.integers(0, 9))
def test_a_smaller_part_of_the_training_lies_inside_a_larger_one(normal: int, ill: int, seed: int) -> None:
    cohort = classes({"CN": normal, "AD": ill})
    fold = make_folds(cohort, 3, label="diagnosis", seed=seed)[0]
    parts = [
        limit_training(fold, fraction, seed, cohort=cohort, label="diagnosis").train
        for fraction in (0.1, 0.3, 0.5, 0.8, 1.0)
    ]
    assert all(small <= large for small, large in itertools.pairwise(parts))
    assert parts[-1] == fold.train


def test_a_part_of_the_training_has_the_classes_in_proportion() -> None:
    cohort = classes({"CN": 100, "AD": 50})
    fold = make_folds(cohort, 5, label="diagnosis")[0]
    part = limit_training(fold, 0.3, cohort=cohort, label="diagnosis").train
    assert (sum(s.startswith("CN") for s in part), sum(s.startswith("AD") for s in part)) == (18, 9)


def test_limiting_the_training_leaves_validation_and_test_alone() -> None:
    fold = make_folds(classes({"a": 50}))[2]
    limited = limit_training(fold, 0.1)
    assert (limited.validation, limited.test, len(limited.train)) == (fold.validation, fold.test, 3)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction: float) -> None:
    with pytest.raises(CohortError, match="above 0 and at most 1"):
        limit_training(make_folds(classes({"a": 9}), 3)[0], fraction)


def families(sizes: list[int]) -> Cohort:
    subjects = [(f"s{family}-{number}", family) for family, size in enumerate(sizes) for number in range(size)]
    return cohort_of({subject: {"family": f"f{family}"} for subject, family in subjects}, scans_each=2)


@given(st.lists(st.integers(1, 4), min_size=5, max_size=12), st.integers(0, 9))
def test_a_family_is_never_split(sizes: list[int], seed: int) -> None:
    cohort = families(sizes)
    folds = make_folds(cohort, 3, together="family", seed=seed)
    assert sorted(subject for fold in folds for subject in fold.test) == list(cohort.subjects)
    for fold in folds:
        for part in (fold.train, fold.validation, fold.test):
            names = {subject.split("-")[0] for subject in part}
            assert all(subject in part for subject in cohort.subjects if subject.split("-")[0] in names)


def test_subjects_without_a_family_are_dealt_alone() -> None:
    cohort = cohort_of({**{f"a{n}": {"family": "a"} for n in range(3)}, **{f"b{n}": {} for n in range(4)}})
    folds = make_folds(cohort, 3, together="family")
    assert sorted(len({"a" if subject[0] == "a" else subject for subject in fold.test}) for fold in folds) == [1, 2, 2]


def test_a_subject_of_two_sites_cannot_be_kept_together() -> None:
    scans = [
        Scan(subject=f"s{number}", name=f"s{number}_{site}", images={"T1w": Path("x.nii")}, site=site)
        for number, site in ((1, "north"), (1, "south"), (2, "north"), (3, "west"), (4, "east"))
    ]
    with pytest.raises(CohortError, match="'s1' belongs to two groups: site north and south"):
        make_folds(Cohort("two", Path("somewhere"), tuple(scans)), 3, together="site")


def test_too_few_groups_are_counted() -> None:
    with pytest.raises(CohortError, match="2 groups of the same family, too few for 3 folds"):
        make_folds(families([4, 4]), 3, together="family")
    with pytest.raises(CohortError, match="says its 'scanner'"):
        make_folds(families([4, 4]), 3, together="scanner")
