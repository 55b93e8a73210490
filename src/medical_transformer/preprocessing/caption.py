"""The head of a scan's picture: its name, its verdict and its numbers.

It can be written anew over a finished picture, since some verdicts are known only when all scans are done.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from medical_transformer.cohorts import Verdict

PANEL, HEADER, FOOTER, LINE = 300, 58, 22, 17
# Height of what lies below the caption: two rows of panels and the legend.
BODY = 2 * PANEL + FOOTER
BACKGROUND = (12, 12, 12)
LARGE, SMALL = ImageFont.load_default(17), ImageFont.load_default(13)
VERDICT_COLOURS = {
    Verdict.PREPARED: (120, 230, 120),
    Verdict.WARNED: (255, 200, 60),
    Verdict.REFUSED: (255, 90, 90),
}
NUMBERS = {
    "brain_ml": "brain {:.0f} ml",
    "template_correlation": "correlation {:.2f}",
    "determinant": "determinant {:.2f}",
    "centre_distance_mm": "centre off by {:.1f} mm",
    "white_over_grey": "white/grey {:.2f}",
    "border_share": "on the border {:.2%}",
    "outside_box_share": "outside the box {:.2%}",
}


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands above a picture.

    Attributes:
        name: the scan.
        verdict: prepared, warned or refused.
        reason: why, empty where nothing stands out.
        quality: its numbers, of which those in `NUMBERS` are shown.
    """

    name: str
    verdict: Verdict
    reason: str
    quality: Mapping[str, float]


def captioned(body: Image.Image, caption: Caption) -> bytes:
    """Return a picture under its caption, as a PNG."""
    lines = _lines(caption)
    header = HEADER + LINE * (len(lines) - 1)
    canvas = Image.new("RGB", (body.width, header + body.height), BACKGROUND)
    canvas.paste(body, (0, header))
    _write(canvas, caption, lines, header)
    buffer = BytesIO()
    canvas.save(buffer, format="PNG", optimize=False)
    return buffer.getvalue()


def recaptioned(picture: bytes, caption: Caption) -> bytes:
    """Return a finished picture under another caption."""
    with Image.open(BytesIO(picture)) as old:
        body = old.convert("RGB").crop((0, old.height - BODY, old.width, old.height))
    return captioned(body, caption)


def _lines(caption: Caption) -> list[str]:
    """Break the verdict's sentence into lines that fit: the first beside the name, the others below it."""
    lines, left = [""], 3 * PANEL - _beside(caption) - 8
    for word in f"{caption.verdict}: {caption.reason}".rstrip(": ").split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and SMALL.getlength(longer) > left:
            lines.append(word)
            left = 3 * PANEL - 16
        else:
            lines[-1] = longer
    return lines


def _beside(caption: Caption) -> float:
    """Return where the text beside the name begins."""
    return 20 + LARGE.getlength(caption.name)


def _write(canvas: Image.Image, caption: Caption, lines: list[str], header: int) -> None:
    pen, colour = ImageDraw.Draw(canvas), VERDICT_COLOURS[caption.verdict]
    pen.text((8, 5), caption.name, font=LARGE, fill=(255, 255, 255))
    pen.text((_beside(caption), 8), lines[0], font=SMALL, fill=colour)
    for number, line in enumerate(lines[1:]):
        pen.text((8, 28 + LINE * number), line, font=SMALL, fill=colour)
    numbers = [form.format(caption.quality[key]) for key, form in NUMBERS.items() if key in caption.quality]
    pen.text((8, header - 26), "   ".join(numbers), font=SMALL, fill=(200, 200, 200))
