from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console

from medical_transformer.cohorts import Cohort, Verdict
from medical_transformer.preprocessing import PipelineConfig, prepare, prepare_scan
from medical_transformer.preprocessing.picture import draw

MakeCohort = Callable[..., Cohort]
QUIET = Console(quiet=True)


def test_a_long_sentence_is_broken_into_lines_that_fit_the_picture(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    scan = make_cohort(1)
    prepared = prepare_scan({"T1w": scan.root / scan.scans[0].images["T1w"]}, quick, name="s0")
    sizes = {}
    for words in (3, 40):
        reason = " ".join(f"word{number}" for number in range(words))
        picture = Image.open(BytesIO(draw(replace(prepared, verdict=Verdict.WARNED, reason=reason))))
        sizes[words] = picture.size
        top = np.asarray(picture.convert("L"))[: picture.height - 622]
        assert (top[:, -8:] < 20).all()  # nothing runs into the right border
    assert sizes[40][1] > sizes[3][1]


def test_a_picture_shows_something_in_every_panel(
    make_cohort: MakeCohort, quick: PipelineConfig, tmp_path: Path
) -> None:
    prepare(make_cohort(1), tmp_path / "out", quick, workers=0, console=QUIET)
    with Image.open(tmp_path / "out" / "figures" / "sub-s0.png") as picture:
        pixels = np.asarray(picture.convert("L"))[58:658]
    panels = pixels.reshape(2, 300, 3, 300).swapaxes(1, 2)
    assert (panels.std(axis=(2, 3)) > 20).all()


def test_every_panel_says_at_both_edges_where_they_lie(quick: PipelineConfig, make_cohort: MakeCohort) -> None:
    """The corner of a drawn head is empty, so that at the edges there is nothing but letters."""
    scan = make_cohort(1)
    prepared = prepare_scan({"T1w": scan.root / scan.scans[0].images["T1w"]}, quick, name="s0")
    picture = Image.open(BytesIO(draw(prepared)))
    edges = {}
    for row in (0, 1):
        for column in range(3):
            left, top = 300 * column, picture.height - 622 + 300 * row + 150
            boxes = [(left + 2, top - 2, left + 16, top + 18), (left + 284, top - 2, left + 299, top + 18)]
            edges[row, column] = [np.asarray(picture.convert("L").crop(box)) for box in boxes]
    assert all((edge > 100).sum() > 5 for pair in edges.values() for edge in pair)
    letters = [{(pair[side][:, 2:12] > 100).sum() for side in (0, 1)} for pair in edges.values()]
    assert all(len(pair) == 2 for pair in letters)  # two letters, not twice the same
