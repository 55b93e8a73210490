"""Which series of a study is the T1w of the head, and why each of the others is not.

First come the marks that scanners set (localiser, derived), then what people called the series, then the times of
the sequence. A T1w has short echo and repetition times; thresholds are those of textbooks on MRI physics.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from medical_transformer.cohorts.dicom.series import Series

LOCALISER = re.compile(r"locali[sz]er|scout|survey|loc\b|aahead|plan\b")
OTHER = {
    "FLAIR": re.compile(r"flair|dark.?fluid"),
    "T2w": re.compile(r"(?<![a-z])t2|tse|space_t2|cube.?t2"),
    "PD": re.compile(r"(?<![a-z])pd(?![a-z])|proton"),
    "diffusion": re.compile(r"dwi|dti|diff|adc|trace|(?<![a-z])fa(?![a-z])|colfa|tensor"),
    "functional": re.compile(r"bold|fmri|rest(ing)?.?state|epi(?![a-z])|ep2d|mosaic"),
    "susceptibility": re.compile(r"swi|swan|t2\*|t2star|mip"),
    "vessel": re.compile(r"angio|tof|mra(?![a-z])"),
    "perfusion": re.compile(r"perf|(?<![a-z])asl(?![a-z])|pasl|pcasl"),
    "field map": re.compile(r"field.?map|gre_field|b0.?map|calibration"),
}
T1 = re.compile(r"(?<![a-z])t1|mp.?rage|spgr|bravo|tfl3d|3d.?tfe|ir.?fspgr|flash.?3d")
CONTRAST = re.compile(
    r"\+\s?c(?![a-z])|post|(?<![a-z])gd(?![a-z])|gado|(?<![a-z])ce(?![a-z])|contrast|(?<![a-z])km(?![a-z])"
)
FEWEST_SLICES_OF_A_HEAD = 20
SHORT_ECHO_MS, SHORT_REPETITION_MS = 30.0, 1000.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What became of a series.

    Attributes:
        series: the series.
        modality: `T1w` or `T1ce` where it was taken; empty otherwise.
        reason: a sentence.
    """

    series: Series
    modality: str
    reason: str


def choose(study: Iterable[Series]) -> list[Choice]:
    """Take at most one series of a study, the best T1w, and say of every series why."""
    series = list(study)
    against = {id(one): why_not_t1(one) for one in series}
    candidates = sorted((one for one in series if not against[id(one)]), key=_preference)
    if not candidates:
        return [Choice(one, "", against[id(one)]) for one in series]
    taken = candidates[0]
    return [
        _taken(one)
        if one is taken
        else Choice(one, "", against[id(one)] or f"Another T1w; {taken.title} was taken ({_why_rather(taken, one)}).")
        for one in series
    ]


def why_not_t1(series: Series) -> str:
    """Return why a series cannot be the T1w of a head, or an empty text."""
    words = series.words
    if series.text("Modality") != "MR":
        return f"No MRI: its modality is {series.text('Modality') or 'not told'}."
    if "LOCALIZER" in series.kinds or LOCALISER.search(words):
        return "A localiser."
    other = next((kind for kind, pattern in OTHER.items() if pattern.search(words)), "")
    if other and not T1.search(words):
        return f"A {other} series by its name."
    if not T1.search(words) and not _short_times(series):
        return f"No T1w: its name does not say so and its times are not those of one ({_times(series)})."
    if series.slices < FEWEST_SLICES_OF_A_HEAD:
        return f"Too few slices for a head: {series.slices}, at least {FEWEST_SLICES_OF_A_HEAD} are needed."
    return ""


def _short_times(series: Series) -> bool:
    echo, repetition = series.value("EchoTime"), series.value("RepetitionTime")
    if echo is None or repetition is None or echo > SHORT_ECHO_MS:
        return False
    return "GR" in series.sequence or repetition < SHORT_REPETITION_MS


def _times(series: Series) -> str:
    echo, repetition = series.text("EchoTime") or "?", series.text("RepetitionTime") or "?"
    return f"echo {echo} ms, repetition {repetition} ms"


def has_contrast(series: Series) -> bool:
    """Tell whether a contrast agent was given, by the header or the name."""
    return bool(series.text("ContrastBolusAgent")) or CONTRAST.search(series.words) is not None


def _is_derived(series: Series) -> bool:
    return bool({"DERIVED", "SECONDARY", "MPR", "PROJECTION IMAGE"} & series.kinds)


_REASONS = (
    "not derived",
    "no contrast agent",
    "3-D",
    "thinner slices",
    "more slices",
    "the earlier series",
    "the first",
)


def _preference(series: Series) -> tuple[bool, bool, bool, float, int, int, str]:
    """Order the T1w of a study, the best first; the reasons stand in `_REASONS`."""
    thickness = series.value("SliceThickness") or 10.0
    flat = series.text("MRAcquisitionType") == "2D"
    uid = series.text("SeriesInstanceUID")
    return _is_derived(series), has_contrast(series), flat, thickness, -series.slices, series.number, uid


def _why_rather(taken: Series, other: Series) -> str:
    pairs = zip(_REASONS, _preference(taken), _preference(other), strict=True)
    return next(reason for reason, mine, its in pairs if mine != its)


def _taken(series: Series) -> Choice:
    modality = "T1ce" if has_contrast(series) else "T1w"
    thickness = series.value("SliceThickness")
    thick = f" of {thickness:g} mm" if thickness else ""
    derived = ", though derived: there is no original one" if _is_derived(series) else ""
    return Choice(series, modality, f"The {modality} of the study: {series.slices} slices{thick}{derived}.")
