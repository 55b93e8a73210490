"""The page: one file, complete, honest, and safe with any name."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from medical_transformer.evaluation import FoldResult, SubjectPrediction, score
from medical_transformer.reporting import ModelCard, render_report, slices_picture, write_report

CITATION_LINK = "https://arxiv.org/abs/2104.13633"
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects what a page refers to, its subjects, its identifiers, and whether its tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references, self.subjects, self.identifiers, self.open, self.tags = [], [], [], [], []
        self.awaits_subject = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):  # noqa: D102
        named = dict(attributes)
        self.tags.append((tag, named))
        self.references += [named[key] for key in ("src", "href", "xlink:href") if key in named]
        self.identifiers += [named["id"]] if "id" in named else []
        self.awaits_subject = "data-subject" in named
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):  # noqa: D102
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):  # noqa: D102
        assert self.open.pop() == tag

    def handle_data(self, data):  # noqa: D102
        if self.awaits_subject:
            self.subjects.append(data)
            self.awaits_subject = False


@pytest.fixture(scope="module", params=["age_result", "diagnosis_result", "tumour_result"])
def result(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def text(result, drawn_head):
    head, truth, _ = drawn_head
    return render_report(result, overlays=[slices_picture(head, title="A", maps=[("Truth", truth)])])


def test_a_page_refers_to_nothing_outside_but_the_citation(text):
    page = Page(text)
    outside = [one for one in page.references if not one.startswith(("#", "data:image/png;base64,"))]
    assert outside == [CITATION_LINK]
    assert not any(tag in {"script", "link", "iframe"} for tag, _ in page.tags)


def test_styles_load_nothing(text):
    assert not re.search(r"@import|url\((?!#)", text)


def test_every_tag_is_closed_and_every_identifier_is_unique(text):
    page = Page(text)
    assert page.open == []
    assert len(page.identifiers) == len(set(page.identifiers))
    inner = {one.removeprefix("#") for one in page.references if one.startswith("#")}
    assert inner <= set(page.identifiers)


def test_every_subject_stands_once_in_the_list_of_folds(result, text):
    assert sorted(Page(text).subjects) == list(result.subjects)


def test_every_picture_has_words_for_those_who_cannot_see_it(text):
    for tag, attributes in Page(text).tags:
        if tag == "img":
            assert attributes["alt"]
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]


def test_colours_follow_the_page(text):
    figures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert figures
    assert not any(re.search(r"(fill|stroke): #", figure) for figure in figures)


def test_the_headline_says_the_number_its_interval_and_the_sample(age_result):
    text = render_report(age_result)
    assert re.search(
        r"5\.24 years mean absolute error \(95 % CI \d\.\d\d to \d\.\d\d\), on 140 subjects, 5 folds", text
    )
    assert "Always answering the median age would err by" in text


def test_the_worst_prediction_comes_first(age_result):
    worst = max(age_result.predictions, key=lambda one: abs(one.prediction - one.truth))
    section = render_report(age_result).split('id="worst"')[1]
    assert section.index(f">{worst.scan}<") == min(
        section.index(f">{one.scan}<") for one in age_result.predictions if f">{one.scan}<" in section
    )


def test_names_cannot_become_html(age_result):
    evil = "<script>alert('x')</script>"
    rows = (replace(age_result.predictions[0], scan=evil, subject=evil, prediction=300.0),)
    text = render_report(
        replace(
            age_result,
            predictions=rows + age_result.predictions[1:],
            label=f"{evil}_years",
            about={evil: evil, "cohort": evil},
        ),
        model_card=ModelCard(name=evil, what_it_is=evil, trained_on=(evil,)),
    )
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert Page(text).open == []


def test_class_names_cannot_become_html(diagnosis_result):
    evil = '"><img src=x onerror=alert(1)>$\\frac$'
    rows = tuple(
        replace(
            one,
            truth=one.truth.replace("AD", evil),
            prediction=one.prediction.replace("AD", evil),
            probabilities={name.replace("AD", evil): chance for name, chance in one.probabilities.items()},
        )
        for one in diagnosis_result.predictions
    )
    text = render_report(replace(diagnosis_result, predictions=rows, classes=("CN", "MCI", evil)))
    assert "<img" not in text


def test_without_probabilities_the_page_says_so_and_draws_no_curve(diagnosis_result):
    bare = tuple(replace(one, probabilities={}) for one in diagnosis_result.predictions)
    text = render_report(replace(diagnosis_result, predictions=bare))
    assert "no ROC curve" in text
    assert 'id="roc' not in text
    assert "Answers per true class" in text


def test_one_fold_is_remarked_and_has_no_spread(age_result):
    alone = age_result.of_fold(2)
    fold = next(fold for fold in age_result.folds if fold.fold == 2)
    text = render_report(replace(age_result, predictions=alone, folds=(fold,)))
    assert "There is one fold only" in text
    assert "not a standard error" not in text
    assert "1 fold" in text


def test_constant_predictions_are_called_by_their_name(age_result):
    rows = tuple(replace(one, prediction=46.0) for one in age_result.predictions)
    folds = tuple(
        replace(fold, metrics=score("regression", [one for one in rows if one.fold == fold.fold]))
        for fold in age_result.folds
    )
    text = render_report(replace(age_result, predictions=rows, folds=folds))
    assert "the same answer, 46.00, to every scan" in text
    assert "undefined" in text


def test_a_result_of_one_scan_without_history_or_truth_still_makes_a_page(age_result):
    one = SubjectPrediction(scan="a", subject="A", fold=0, truth=None, prediction=40.0)
    text = render_report(replace(age_result, predictions=(one,), folds=(FoldResult(fold=0, metrics={}),)))
    assert "No score could be computed" in text
    assert "No fold kept its training history" in text
    assert Page(text).open == []


def test_a_class_that_nobody_has_is_remarked(diagnosis_result):
    rows = tuple(one for one in diagnosis_result.predictions if one.truth != "AD")
    folds = tuple(
        replace(
            fold,
            metrics=score(
                "classification",
                [one for one in rows if one.fold == fold.fold],
                diagnosis_result.classes,
            ),
        )
        for fold in diagnosis_result.folds
    )
    text = render_report(replace(diagnosis_result, predictions=rows, folds=folds))
    assert "No tested scan is AD" in text


def test_two_classes_have_one_curve_and_an_auc(diagnosis_result):
    classes = ("CN", "AD")
    rows = []
    for one in diagnosis_result.predictions:
        if one.truth != "MCI":
            total = one.probabilities["CN"] + one.probabilities["AD"]
            chances = {name: one.probabilities[name] / total for name in classes}
            rows.append(replace(one, probabilities=chances, prediction=max(chances, key=chances.get)))
    folds = tuple(
        replace(fold, metrics=score("classification", [one for one in rows if one.fold == fold.fold], classes))
        for fold in diagnosis_result.folds
    )
    text = render_report(
        replace(diagnosis_result, classes=classes, predictions=tuple(rows), folds=folds, primary_metric="auc")
    )
    assert "AD against the rest" in text
    assert "CN against the rest" not in text
    assert "area under the ROC curve (95 % CI" in text


def test_regression_to_the_mean_is_said_in_years(age_result):
    assert re.search(r"For every 10 years of true age the prediction grows by 7\.\d", render_report(age_result))


def test_the_page_is_written_whole(tmp_path, tumour_result):
    path = tmp_path / "deep" / "report.html"
    write_report(tumour_result, path)
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]


def test_drawing_twice_gives_the_same_page(age_result):
    assert render_report(age_result) == render_report(age_result)


def test_ten_folds_have_a_panel_each(age_result):
    folds = tuple(replace(age_result.folds[0], fold=k) for k in range(10))
    rows = tuple(replace(one, fold=k % 10) for k, one in enumerate(age_result.predictions))
    text = render_report(replace(age_result, predictions=rows, folds=folds))
    assert all(f">Fold {k}</text>" in text for k in range(10))
