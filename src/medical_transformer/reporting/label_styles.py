"""How the labels of a segmentation are shown."""

import matplotlib

from medical_transformer.reporting.slices_picture import BRATS_LABELS, LabelStyle
from medical_transformer.tasks import Segmentation


def label_styles(task: Segmentation) -> tuple[LabelStyle, ...]:
    """Return a colour for every label value; the paper's for tumours."""
    if set(task.values) <= {1, 2, 4} and "WT" in task.regions:
        return BRATS_LABELS
    palette = matplotlib.colormaps["tab10"]
    names = {values[0]: name for name, values in task.regions.items() if len(values) == 1}
    return tuple(
        LabelStyle(value, names.get(value, f"label {value}"), matplotlib.colors.to_hex(palette(index % 10)), "")
        for index, value in enumerate(task.values)
    )
