"""One picture per scan, to see at a glance whether its preparation went well."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from medical_transformer.cohorts import Verdict
from medical_transformer.preprocessing.masks import centre
from medical_transformer.preprocessing.scan import PreparedScan
from medical_transformer.preprocessing.template import load_template
from medical_transformer.volumes import Volume, resample

PANEL, HEADER, FOOTER, LINE = 300, 58, 22, 17
LARGE, SMALL = ImageFont.load_default(17), ImageFont.load_default(13)
MASK_COLOUR, TEMPLATE_COLOUR = (255, 210, 0), (0, 220, 255)
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
Pixels = np.ndarray[Any, Any]
Colour = tuple[int, int, int]


def draw(scan: PreparedScan) -> bytes:
    """Draw three planes of the native scan and of the prepared one, with contours, as a PNG.

    Above: the native scan with its brain mask (yellow). Below: the prepared scan with its mask, or, in
    template space, with the template's contour (cyan). Left of the picture is the subject's left.
    """
    lines = _lines(scan)
    header = HEADER + LINE * (len(lines) - 1)
    canvas = Image.new("RGB", (3 * PANEL, 2 * PANEL + header + FOOTER), (12, 12, 12))
    native = _panels(scan.native, scan.native_brain_mask, MASK_COLOUR)
    prepared = next(iter(scan.volumes.values()))
    for row, panels in enumerate((native, _panels(prepared, _outline(scan), _legend(scan)[1]))):
        for column, panel in enumerate(panels):
            canvas.paste(panel, (column * PANEL, header + row * PANEL))
    _write(canvas, scan, lines, header)
    buffer = BytesIO()
    canvas.save(buffer, format="PNG", optimize=False)
    return buffer.getvalue()


def _outline(scan: PreparedScan) -> Volume:
    if scan.placement.box is not None:
        return scan.brain_mask
    mask = load_template().mask
    share = mask.with_voxels(mask.voxels.astype(np.float32))
    carried = resample(share, scan.brain_mask.grid)
    return carried.with_voxels(carried.voxels > 0.5)


def _panels(volume: Volume, mask: Volume, colour: Colour) -> list[Image.Image]:
    middle = np.rint(centre(mask.voxels)).astype(int)
    bright = float(np.percentile(volume.voxels[mask.voxels], 99.5)) or 1.0
    panels = []
    for axis in range(3):
        sides = [side for index, side in enumerate(volume.spacing_mm) if index != axis]
        grey = np.clip(np.take(volume.voxels, middle[axis], axis) / bright, 0, 1) * 255
        inside = np.take(mask.voxels, middle[axis], axis)
        panels.append(_panel(grey.astype(np.uint8), inside, sides, colour))
    return panels


def _panel(grey: Pixels, inside: Pixels, sides_mm: list[float], colour: Colour) -> Image.Image:
    """Scale a slice into a square panel, up is up, and draw the contour one pixel wide."""
    extent = [side * size for side, size in zip(grey.shape, sides_mm, strict=True)]
    zoom = PANEL / max(extent)
    size = (max(1, round(extent[0] * zoom)), max(1, round(extent[1] * zoom)))
    picture = Image.fromarray(np.ascontiguousarray(grey.T[::-1])).resize(size, Image.Resampling.BILINEAR)
    shape = Image.fromarray(np.ascontiguousarray(inside.T[::-1]).astype(np.uint8) * 255)
    scaled = np.asarray(shape.resize(size, Image.Resampling.BILINEAR)) > 127
    pixels = np.array(picture.convert("RGB"))
    pixels[scaled & ~ndimage.binary_erosion(scaled)] = colour
    panel = Image.new("RGB", (PANEL, PANEL))
    panel.paste(Image.fromarray(pixels), ((PANEL - size[0]) // 2, (PANEL - size[1]) // 2))
    return panel


def _lines(scan: PreparedScan) -> list[str]:
    """Break the verdict's sentence into lines that fit: the first beside the name, the others below it."""
    lines, left = [""], 3 * PANEL - _beside(scan) - 8
    for word in f"{scan.verdict}: {scan.reason}".rstrip(": ").split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and SMALL.getlength(longer) > left:
            lines.append(word)
            left = 3 * PANEL - 16
        else:
            lines[-1] = longer
    return lines


def _beside(scan: PreparedScan) -> float:
    """Return where the text beside the name begins."""
    return 20 + LARGE.getlength(scan.name)


def _write(canvas: Image.Image, scan: PreparedScan, lines: list[str], header: int) -> None:
    pen, colour = ImageDraw.Draw(canvas), VERDICT_COLOURS[scan.verdict]
    pen.text((8, 5), scan.name, font=LARGE, fill=(255, 255, 255))
    pen.text((_beside(scan), 8), lines[0], font=SMALL, fill=colour)
    for number, line in enumerate(lines[1:]):
        pen.text((8, 28 + LINE * number), line, font=SMALL, fill=colour)
    numbers = [form.format(scan.quality[key]) for key, form in NUMBERS.items() if key in scan.quality]
    pen.text((8, header - 26), "   ".join(numbers), font=SMALL, fill=(200, 200, 200))
    below = header + 2 * PANEL + 3
    pen.text((8, below), "above: as read, with the brain mask", font=SMALL, fill=MASK_COLOUR)
    words, colour = _legend(scan)
    pen.text((3 * PANEL // 2, below), f"below: prepared, with {words}", font=SMALL, fill=colour)
    for top in (header, header + PANEL):
        pen.text((PANEL + 4, top + PANEL // 2), "L", font=SMALL, fill=(160, 160, 160))
        pen.text((2 * PANEL - 12, top + PANEL // 2), "R", font=SMALL, fill=(160, 160, 160))


def _legend(scan: PreparedScan) -> tuple[str, Colour]:
    """Say what the line of the lower row is, and in which colour it is drawn."""
    if scan.placement.box is None:
        return "the template's outline", TEMPLATE_COLOUR
    return "the brain mask", MASK_COLOUR
