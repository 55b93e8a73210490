"""One picture per scan, to see at a glance whether its preparation went well."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from medical_transformer.preprocessing.caption import BACKGROUND, BODY, PANEL, SMALL, Caption, captioned
from medical_transformer.preprocessing.masks import centre
from medical_transformer.preprocessing.scan import PreparedScan
from medical_transformer.preprocessing.template import load_template
from medical_transformer.volumes import Volume, resample

MASK_COLOUR, TEMPLATE_COLOUR = (255, 210, 0), (0, 220, 255)
LETTER_COLOUR, LINE_COLOUR = (160, 160, 160), (60, 60, 60)
# Where a panel's left and right edges lie in the head: sagittal, coronal, axial.
ENDS = (("P", "A"), ("L", "R"), ("L", "R"))
Pixels = np.ndarray[Any, Any]
Colour = tuple[int, int, int]


def draw(scan: PreparedScan) -> bytes:
    """Draw three planes of the native scan and of the prepared one, with contours, as a PNG.

    Above: the native scan with its brain mask (yellow). Below: the prepared scan with its mask, or, in
    template space, with the template's contour (cyan). Letters at the edges of each panel say where they lie: left of
    the picture is the subject's left, or in a sagittal slice the back.
    """
    body = Image.new("RGB", (3 * PANEL, BODY), BACKGROUND)
    native = _panels(scan.native, scan.native_brain_mask, MASK_COLOUR)
    prepared = next(iter(scan.volumes.values()))
    for row, panels in enumerate((native, _panels(prepared, _outline(scan), _legend(scan)[1]))):
        for column, panel in enumerate(panels):
            body.paste(panel, (column * PANEL, row * PANEL))
    _write(body, scan)
    return captioned(body, Caption(scan.name, scan.verdict, scan.reason, scan.quality))


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


def _write(body: Image.Image, scan: PreparedScan) -> None:
    pen, below = ImageDraw.Draw(body), 2 * PANEL + 3
    pen.text((8, below), "above: as read, with the brain mask", font=SMALL, fill=MASK_COLOUR)
    words, colour = _legend(scan)
    pen.text((3 * PANEL // 2, below), f"below: prepared, with {words}", font=SMALL, fill=colour)
    for border in (PANEL, 2 * PANEL):
        pen.line((border, 0, border, 2 * PANEL), fill=LINE_COLOUR)
    for top in (PANEL // 2, PANEL + PANEL // 2):
        for column, (left, right) in enumerate(ENDS):
            pen.text((column * PANEL + 4, top), left, font=SMALL, fill=LETTER_COLOUR)
            pen.text(((column + 1) * PANEL - 4, top), right, font=SMALL, fill=LETTER_COLOUR, anchor="ra")


def _legend(scan: PreparedScan) -> tuple[str, Colour]:
    """Say what the line of the lower row is, and in which colour it is drawn."""
    if scan.placement.box is None:
        return "the template's outline", TEMPLATE_COLOUR
    return "the brain mask", MASK_COLOUR
