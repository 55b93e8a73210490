"""What the paper printed (Jun et al. 2021, Tables 1, 2, 4 and 5), to stand beside what was measured here."""

from collections.abc import Mapping
from types import MappingProxyType

from medical_transformer.evaluation import EvaluationResult

Figure = tuple[float, float]

MEASURES = ("mauc", "mae", "dice_WT", "dice_TC", "dice_ET")
DIAGNOSES, TUMOUR = frozenset({"CN", "MCI", "AD"}), frozenset({"WT", "TC", "ET"})


def _row(*figures: float) -> Mapping[str, Figure]:
    """Return mean and standard deviation per measure, from the ten figures of a printed row."""
    return MappingProxyType(dict(zip(MEASURES, zip(figures[::2], figures[1::2], strict=True), strict=True)))


SCRATCH = _row(0.7728, 0.0077, 4.4357, 0.3260, 0.8649, 0.0094, 0.6392, 0.0556, 0.4830, 0.0485)
TRANSFER = _row(0.8347, 0.0072, 3.4924, 0.0863, 0.8733, 0.0086, 0.6969, 0.0470, 0.5882, 0.0437)

TABLE_1: Mapping[str, Mapping[str, Figure]] = MappingProxyType(
    {
        "scratch": SCRATCH,
        "i3d": _row(0.7325, 0.0164, 4.6561, 0.3209, 0.6607, 0.0542, 0.4708, 0.0593, 0.0569, 0.0159),
        "niftynet": _row(0.5031, 0.0165, 4.6580, 0.3161, 0.8395, 0.0065, 0.5295, 0.0148, 0.5046, 0.0278),
        "medicalnet": _row(0.6910, 0.0063, 4.6443, 0.3626, 0.7885, 0.0378, 0.5681, 0.0572, 0.0809, 0.0298),
        "3d-rpl": _row(0.4849, 0.0333, 5.1237, 0.7086, 0.8555, 0.0462, 0.6595, 0.0322, 0.3897, 0.0078),
        "3d-rotation": _row(0.4965, 0.0077, 4.9799, 0.4365, 0.8672, 0.0344, 0.6756, 0.0204, 0.3717, 0.0452),
        "3d-jigsaw": _row(0.4950, 0.0202, 4.7719, 0.4784, 0.8671, 0.0453, 0.6739, 0.0218, 0.3789, 0.0415),
        "3d-cpc": _row(0.4943, 0.0109, 5.0091, 0.7856, 0.8879, 0.0089, 0.6844, 0.0086, 0.3760, 0.0159),
        "3d-exemplar": _row(0.5085, 0.0163, 5.4434, 0.9623, 0.8975, 0.0123, 0.6912, 0.0120, 0.3819, 0.0134),
        "models-genesis": _row(0.4997, 0.0004, 4.6377, 0.3411, 0.8505, 0.0203, 0.6201, 0.0289, 0.0896, 0.0329),
        "transfer": TRANSFER,
    }
)
TABLE_4: Mapping[tuple[str, float], Mapping[str, Figure]] = MappingProxyType(
    {
        ("scratch", 0.1): _row(0.5984, 0.0111, 4.7720, 0.4769, 0.6814, 0.0205, 0.1417, 0.1668, 0.1710, 0.1537),
        ("scratch", 0.3): _row(0.6301, 0.0130, 4.5880, 0.3542, 0.7921, 0.0125, 0.5181, 0.0513, 0.5157, 0.0234),
        ("scratch", 0.5): _row(0.6749, 0.0166, 4.5291, 0.3377, 0.8276, 0.0062, 0.6509, 0.0415, 0.5744, 0.0254),
        ("scratch", 0.7): _row(0.6936, 0.0075, 4.5055, 0.3515, 0.8334, 0.0245, 0.6487, 0.0558, 0.5641, 0.0355),
        ("scratch", 1.0): SCRATCH,
        ("transfer", 0.1): _row(0.6112, 0.0288, 4.3531, 0.4846, 0.7699, 0.0259, 0.4610, 0.1460, 0.4221, 0.0906),
        ("transfer", 0.3): _row(0.7259, 0.0267, 4.0142, 0.4403, 0.8236, 0.0192, 0.6117, 0.0410, 0.5632, 0.0337),
        ("transfer", 0.5): _row(0.7729, 0.0132, 3.7819, 0.2780, 0.8417, 0.0081, 0.6850, 0.0233, 0.6216, 0.0110),
        ("transfer", 0.7): _row(0.7983, 0.0147, 3.6834, 0.1955, 0.8576, 0.0227, 0.6769, 0.0610, 0.5389, 0.0488),
        ("transfer", 1.0): TRANSFER,
    }
)
WITHOUT_TRANSFORMER = _row(0.8204, 0.0200, 3.6373, 0.2432, 0.8695, 0.0070, 0.6363, 0.0576, 0.5063, 0.0511)
# Subjects, men, and mean with standard deviation of age, education and MMSE.
TABLE_2: Mapping[str, tuple[str, str, str, str]] = MappingProxyType(
    {
        "CN": ("433 (214)", "74.76 ± 5.82", "16.29 ± 2.72", "29.07 ± 1.12"),
        "MCI": ("748 (447)", "73.29 ± 7.57", "15.92 ± 2.86", "27.48 ± 1.82"),
        "AD": ("359 (194)", "75.29 ± 7.87", "15.15 ± 3.05", "23.21 ± 2.05"),
    }
)

# Other names under which experiments call the paper's methods.
ALIASES = {
    "medical-transformer": "transfer",
    "genesis": "models-genesis",
    "model-genesis": "models-genesis",
    "rpl": "3d-rpl",
    "rotation": "3d-rotation",
    "jigsaw": "3d-jigsaw",
    "cpc": "3d-cpc",
}


def paper_name(method: str) -> str:
    """Return the name under which the paper's method of this name stands in `TABLE_1`; the name itself if in none."""
    plain = method.lower().replace("_", "-")
    plain = ALIASES.get(plain, plain)
    family = plain.split("-")[0]  # medicalnet-resnet50, niftynet-vnet
    return family if family in {"medicalnet", "niftynet", "i3d"} else plain


def is_papers_task(result: EvaluationResult) -> bool:
    """Tell whether the paper asked the same question: AD, MCI or CN; age in years; the three tumour regions."""
    if result.task == "classification":
        return set(result.classes) == DIAGNOSES
    if result.task == "regression":
        return result.label == "age_years"
    return set(result.classes) == TUMOUR
