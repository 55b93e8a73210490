"""The page, tables and files of a comparison, whole and half done."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from medical_transformer.cohorts import Cohort, Scan
from medical_transformer.evaluation import Ablation, MethodFacts, SubjectPrediction, Trial, Trials, score
from medical_transformer.reporting import methods_picture, write_comparison

FACTS = (
    MethodFacts(
        name="scratch", title="From scratch", parameters={"brain-age": 2_401_000}, printed={"regression": "2.401"}
    ),
    MethodFacts(name="no-transformer", title="Without transformer", group="self-supervised"),
    MethodFacts(
        name="transfer", title="Transfer", group="self-supervised", parameters={"brain-age": 120}, notes=("Note.",)
    ),
)
SPREAD = {"scratch": 9.0, "no-transformer": 5.0, "transfer": 4.0}


class Tags(HTMLParser):
    """Checks that tags are closed, and collects what is referred to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.references = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):  # noqa: D102
        self.references += [value for name, value in attributes if name in {"src", "href"}]
        if tag not in {"meta", "br", "img", "link", "use", "path"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):  # noqa: D102
        self.references += [value for name, value in attributes if name in {"src", "href"}]

    def handle_endtag(self, tag):  # noqa: D102
        if tag not in {"use", "path"}:
            assert self.open.pop() == tag


def trial(age_result, method: str, seed: int, fraction: float = 1.0) -> Trial:
    rng = np.random.default_rng((seed, int(100 * fraction), len(method)))
    spread = SPREAD[method] / fraction**0.5

    def answered(one: SubjectPrediction, fold: int) -> SubjectPrediction:
        return replace(one, fold=fold, prediction=0.7 * one.truth + 15 + spread * rng.normal())

    rows = tuple(answered(one, one.fold) for one in age_result.predictions)
    folds = tuple(
        replace(
            fold,
            history=(),
            metrics=score("regression", [one for one in rows if one.fold == fold.fold]),
            validation=tuple(answered(one, fold.fold) for one in age_result.predictions if one.fold != fold.fold)[:28],
        )
        for fold in age_result.folds
    )
    result = replace(age_result, predictions=rows, folds=folds)
    return Trial(method=method, task="brain-age", fraction=fraction, seed=seed, result=result)


def trials(*these: Trial, about: dict[str, str] | None = None) -> Trials:
    return Trials(
        title="Ages",
        reference="transfer",
        methods=FACTS,
        trials=these,
        about=about or {},
        ablation=Ablation(complete="transfer", without="no-transformer"),
    )


@pytest.fixture(scope="module")
def whole(age_result):
    these = [trial(age_result, name, seed) for name in SPREAD for seed in (1, 2)]
    these += [trial(age_result, name, seed, 0.1) for name in ("scratch", "transfer") for seed in (1, 2)]
    return trials(*these, about={"search": "Nothing was searched.", "odd name": "<b>& odd_text $x$</b>"})


@pytest.fixture(scope="module")
def cohort():
    rows = ((71.0, "male", "CN"), (73.0, "female", "CN"), (80.0, "male", "AD"), (60.0, "male", None))
    scans = [
        Scan(
            subject=f"p{k}",
            name=f"p{k}_{visit}",
            session=visit,
            images={"T1w": Path("x.nii.gz")},
            labels={"age_years": age + (visit == "V2"), "sex": sex} | ({"diagnosis": what} if what else {}),
        )
        for k, (age, sex, what) in enumerate(rows)
        for visit in ("V1", "V2")
    ]
    return Cohort("Drawn", Path(), tuple(scans))


@pytest.fixture(scope="module")
def folder(whole, cohort, drawn_head, tmp_path_factory):
    head, truth, predicted = drawn_head
    picture = methods_picture(head, truth, [("From scratch", predicted), ("Transfer", truth)], title="Drawn head")
    place = tmp_path_factory.mktemp("comparison")
    planned = [(name, "brain-age", 1.0, seed) for name in SPREAD for seed in (1, 2, 3)]
    write_comparison(whole, place, cohorts=[cohort], overlays=[picture], planned=planned, resamples=60)
    return place


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_the_page_is_whole_and_every_file_it_links_is_there(folder):
    page = Tags((folder / "comparison.html").read_text(encoding="utf-8"))
    assert page.open == []
    links = [one for one in page.references if not one.startswith(("#", "data:", "https://arxiv"))]
    assert links
    assert all((folder / one).is_file() for one in links)
    assert not [one.name for one in folder.iterdir() if one.name.startswith(".")]


def test_names_and_texts_cannot_become_html(folder):
    text = (folder / "comparison.html").read_text(encoding="utf-8")
    assert "<b>& odd" not in text
    assert "&lt;b&gt;&amp; odd_text" in text


def test_the_same_trials_give_the_same_files(whole, folder, tmp_path):
    write_comparison(whole, tmp_path, planned=[("scratch", "brain-age", 1.0, 1)], resamples=60)
    for name in ("scores.tsv", "forest-brain-age.svg", "shares-brain-age.png"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_table_1_has_mean_and_spread_over_folds_and_seeds_beside_the_papers_figure(whole, folder):
    values = [fold.metrics["mae"] for one in whole.of("transfer", "brain-age") for fold in one.result.folds]
    row = next(row for row in rows_of(folder / "table-1.tsv") if row["Approach"] == "Transfer")
    assert row["Brain age: MAE (years)"] == f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"
    assert row["Brain age: MAE (years), paper"] == "3.49 ± 0.09 †"
    assert row["Remarks"] == "Brain age: MAE (years): 2 of 3 seeds"


def test_on_the_papers_data_its_figures_are_not_marked(age_result, tmp_path):
    alone = trials(trial(age_result, "transfer", 1))
    write_comparison(alone, tmp_path, same_data=["brain-age"], resamples=50)
    text = (tmp_path / "table-1.tsv").read_text(encoding="utf-8")
    assert "3.49 ± 0.09" in text
    assert "†" not in text


def test_the_best_of_a_column_is_bold_and_alone(folder):
    grid = json.loads((folder / "table-1.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in grid["rows"] if row["entries"][0]["best"]] == ["Transfer"]


def test_table_2_counts_a_subject_once_at_the_first_scan(folder):
    rows = {row["Information"]: row for row in rows_of(folder / "table-2.tsv")}
    assert rows["Subjects (male)"]["CN"] == "2 (1)"
    assert rows["Subjects (male)"]["All"] == "4 (3)"
    assert rows["Age (years)"]["CN"] == "72.00 ± 1.41"
    assert rows["Age (years)"]["AD"] == "80.00"
    assert rows["Age (years)"]["CN, paper"] == "74.76 ± 5.82 †"


def test_table_3_counts_weights_and_table_5_needs_both_methods(folder):
    weights = {row["Approach"]: row["Brain age"] for row in rows_of(folder / "table-3.tsv")}
    assert weights == {"From scratch": "2.401 M", "Transfer": "120"}
    beside = {row["Approach"]: row["Brain age, paper"] for row in rows_of(folder / "table-3.tsv")}
    assert beside == {"From scratch": "2.401 M", "Transfer": ""}
    (row,) = rows_of(folder / "table-5.tsv")
    assert re.match(r"0\.\d\d \(0\.\d\d to 1\.\d\d\)", row["Difference (95 % CI)"])
    assert row["Without transformer, paper"] == "3.64 ± 0.24 †"


def test_table_5_compares_two_that_are_alike_whichever_is_the_reference(whole, tmp_path):
    """From random weights both, where the paper's two were pre-trained: its figures do not belong beside them."""
    ablation = Ablation(complete="scratch", without="no-transformer", alike=False)
    write_comparison(replace(whole, ablation=ablation), tmp_path, resamples=50)
    (row,) = rows_of(tmp_path / "table-5.tsv")
    rows = {one["Approach"]: one["Brain age: MAE (years)"] for one in rows_of(tmp_path / "table-1.tsv")}
    assert (row["With transformer"], row["Without transformer"]) == (rows["From scratch"], rows["Without transformer"])
    assert row["Difference (95 % CI)"].startswith("−")  # Its errors were drawn smaller than those from scratch.
    assert "Without transformer, paper" not in row
    assert "†" not in (tmp_path / "table-5.tex").read_text(encoding="utf-8")
    assert "dagger" not in (tmp_path / "table-5.tex").read_text(encoding="utf-8")
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert "Without transformer: Without transformer. With transformer: From scratch. They differ in more" in page


def test_there_is_no_table_5_without_both_methods(whole, tmp_path):
    write_comparison(replace(whole, ablation=None), tmp_path, resamples=50)
    assert not (tmp_path / "table-5.tsv").exists()
    with pytest.raises(ValueError, match="missing"):
        replace(whole, ablation=Ablation(complete="missing", without="no-transformer"))


def test_table_4_has_a_row_per_scheme_and_share(folder):
    rows = rows_of(folder / "table-4.tsv")
    assert [(row["Scheme"], row["Share"]) for row in rows] == [
        (scheme, share) for scheme in ("From scratch", "Transfer") for share in ("10 %", "100 %")
    ]
    assert rows[0]["Brain age: MAE (years), paper"] == "4.77 ± 0.48 †"


def test_latex_has_balanced_braces_and_no_bare_sign(folder):
    for path in folder.glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        bare = re.sub(r"\\[\\{}%&_#$]", "", text.removeprefix("% Needs booktabs.\n"))
        assert bare.count("{") == bare.count("}"), path.name
        assert bare.count("$") % 2 == 0, path.name
        assert not re.search(r"[%#_~]", bare.replace("{tab:", "")), path.name
        columns = len(re.search(r"\\begin\{tabular\}\{(\w+)\}", text).group(1))
        body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
        for line in body.splitlines():
            if line.endswith(r"\\"):
                assert line.count("&") - line.count(r"\&") == columns - 1, (path.name, line)


def test_the_protocol_shows_blanks_and_says_that_nobody_crossed(folder):
    said = {row["item"]: row["said"] for row in rows_of(folder / "protocol.tsv")}
    assert said["Ethics and consent"] == "Not stated."
    assert said["What was searched, and on which part"] == "Nothing was searched."
    assert said["Method: Transfer"] == "Note."
    assert said["Method: From scratch"] == "Not stated."
    assert "each of the 140 subjects is tested in one fold" in said[
        "Assignment to parts, and the level at which they are disjoint"
    ].replace("Each", "each")
    assert len(rows_of(folder / "folds.tsv")) == 140


def test_a_subject_of_a_validation_and_its_test_part_is_called_out(age_result, tmp_path):
    one = trial(age_result, "transfer", 1)
    fold = one.result.folds[0]
    leak = (replace(one.result.of_fold(fold.fold)[0], scan="again"),)
    folds = (replace(fold, validation=leak), *one.result.folds[1:])
    page = write_comparison(trials(replace(one, result=replace(one.result, folds=folds))), tmp_path, resamples=50)
    assert "1 subject stood in a validation part and its test part" in page.read_text(encoding="utf-8")


def test_one_method_with_one_seed_makes_a_page(age_result, tmp_path):
    alone = Trials(title="Alone", reference="transfer", methods=FACTS[2:], trials=(trial(age_result, "transfer", 1),))
    text = write_comparison(alone, tmp_path, resamples=50).read_text(encoding="utf-8")
    assert Tags(text).open == []
    assert "Table 2 (the cohort): no cohort was given." in text
    assert rows_of(tmp_path / "differences.tsv") == []
    assert not list(tmp_path.glob("forest-*"))


def test_undefined_scores_constant_answers_and_missing_trials_are_said(age_result, tmp_path):
    good, flat = trial(age_result, "transfer", 1), trial(age_result, "scratch", 1)
    rows = tuple(replace(one, prediction=40.0) for one in flat.result.predictions)
    folds = tuple(
        replace(fold, metrics=score("regression", [one for one in rows if one.fold == fold.fold]), validation=())
        for fold in flat.result.folds
    )
    flat = replace(flat, result=replace(flat.result, predictions=rows, folds=folds))
    text = write_comparison(trials(good, flat), tmp_path, resamples=50).read_text(encoding="utf-8")
    assert "From scratch gives the same answer to every scan in 5 of 5 models (with 100 % of the labels)" in text
    assert "2 of 3 trials are done" in text
    scores = {(row["method"], row["metric"]): row for row in rows_of(tmp_path / "scores.tsv")}
    assert scores["scratch", "pearson"]["mean"] == ""
    assert scores["scratch", "pearson"]["undefined"] == "5"
    table = {row["Approach"]: row["Brain age: MAE (years)"] for row in rows_of(tmp_path / "table-1.tsv")}
    assert table["Without transformer"] == "–"
    bias = {row["Method"]: row["Remarks"] for row in rows_of(tmp_path / "bias-brain-age.tsv")}
    assert "no validation answers were kept" in bias["From scratch"]


def test_nothing_done_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no finished trial"):
        write_comparison(trials(), tmp_path)


def test_a_part_that_was_not_kept_is_not_said_to_be_checked(age_result, tmp_path):
    one = trial(age_result, "transfer", 1)
    bare = replace(one.result, folds=tuple(replace(fold, validation=()) for fold in one.result.folds))
    page = write_comparison(trials(replace(one, result=bare)), tmp_path, resamples=50)
    assert "could not be checked" in page.read_text(encoding="utf-8")


def test_what_was_searched_and_chosen_stands_under_table_1_where_notes_are(age_result, tmp_path):
    chose = {"searched": "learning rate 0.001; learning rate 0.0001; learning rate 0.001"}
    found = [
        trial(replace(age_result, about={**age_result.about, **chose}), "transfer", 1),
        trial(replace(age_result, about={**age_result.about, **chose}), "transfer", 1, fraction=0.5),
        trial(age_result, "scratch", 1),
    ]
    whole = replace(trials(*found), about={"searched": "learning rate of 0.0001, 0.001 for every network alike"})
    write_comparison(whole, tmp_path, resamples=50)
    for kind in ("json", "tex"):
        text = (tmp_path / f"table-1.{kind}").read_text(encoding="utf-8")
        assert "Searched: learning rate of 0.0001, 0.001 for every network alike." in text, kind
        assert "Transfer: learning rate 0.001 (2 times), learning rate 0.0001 (1 time)." in text, kind
        assert "learning rate 0.001 (4 times)" in (tmp_path / f"table-4.{kind}").read_text(encoding="utf-8"), kind
    said = {row["item"]: row["said"] for row in rows_of(tmp_path / "protocol.tsv")}
    assert said["What was searched, and on which part"] == "learning rate of 0.0001, 0.001 for every network alike."
