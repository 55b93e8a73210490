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
