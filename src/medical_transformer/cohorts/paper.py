"""The cohorts of the paper in numbers, and how what was indexed differs from them.

Source: section 4.1 and Table 2 of Jun et al., Medical Transformer.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import mean, stdev

from medical_transformer.cohorts.cohort import Cohort
from medical_transformer.cohorts.indexed import counted, listing
from medical_transformer.cohorts.scan import Scan

# T1w scans of healthy people for pre-training; those of ABIDE I and II are 13 years or older.
PRETRAINING = {"IXI": 566, "Cam-CAN": 653, "ABIDE": 564}
# Diagnosis to subjects, males, and mean and standard deviation of age, education (both in years) and MMSE.
TABLE_2: Mapping[str, tuple[int, int, Mapping[str, tuple[float, float]]]] = {
    "CN": (433, 214, {"age_years": (74.76, 5.82), "education_years": (16.29, 2.72), "mmse": (29.07, 1.12)}),
    "MCI": (748, 447, {"age_years": (73.29, 7.57), "education_years": (15.92, 2.86), "mmse": (27.48, 1.82)}),
    "AD": (359, 194, {"age_years": (75.29, 7.87), "education_years": (15.15, 3.05), "mmse": (23.21, 2.05)}),
}
# Below this share of the paper's cohort it is a part, whose differences from the paper say nothing.
PART = 0.1


def notes_on_paper(cohort: Cohort) -> list[str]:
    """Return sentences that set a cohort of the paper beside the paper's own numbers."""
    if cohort.name == "ADNI":
        return _notes_on_table_2(cohort.scans)
    if cohort.name not in PRETRAINING:
        return []
    used, found = PRETRAINING[cohort.name], len(cohort)
    others = " and ".join(f"{count} of {name}" for name, count in PRETRAINING.items() if name != cohort.name)
    total = f"{sum(PRETRAINING.values()):,}"
    if found < PART * used:
        told = f"A small part of {cohort.name} as the paper used it for pre-training"
        groups = _on_abide(cohort) if cohort.name == "ABIDE" else []  # these say how to take the controls
        return [f"{told}: {found} of {used} scans, and {total} with {others}.", *groups]
    difference = f"{abs(found - used)} {'fewer' if found < used else 'more'}" if found != used else "as many"
    first = f"{found} scans of {cohort.name}; the paper used {used} (with {others}: {total}), so here are {difference}."
    return [first, *_EXPLAINED[cohort.name](cohort)]


def _on_ixi(cohort: Cohort) -> list[str]:
    sites = Counter(scan.site for scan in cohort.scans)
    here = listing(f"{site} {count}" for site, count in sorted(sites.items(), key=str))
    absent = [site for site in ("Guys", "HH", "IOP") if site not in sites]
    told = f"no scan of {' and '.join(absent)} is here, so" if absent else "if a hospital is short,"
    return [f"Scans per hospital: {here}; {told} parts of IXI-T1.tar are missing."] if len(cohort) < 566 else []


def _on_camcan(cohort: Cohort) -> list[str]:
    few = len(cohort) < PRETRAINING["Cam-CAN"]
    return ["Cam-CAN's release holds 653 T1w; subjects without one here were not downloaded."] if few else []


def _on_abide(cohort: Cohort) -> list[str]:
    groups = Counter(str(scan.labels.get("diagnosis", "of unknown group")) for scan in cohort.scans)
    young = sum(_number(scan, "age_years", 13) < 13 for scan in cohort.scans)
    notes = [
        f"The paper took healthy subjects; here are {listing(f'{count} {group}' for group, count in groups.items())}"
        + ("." if set(groups) == {"control"} else ", and --where diagnosis=control takes the controls.")
    ]
    if young:
        notes.append(f"{young} are younger than 13 years, whom the paper left out.")
    return [*notes, "Of the controls of both releases it took 564 and does not say which."]


_EXPLAINED: Mapping[str, Callable[[Cohort], list[str]]] = {"IXI": _on_ixi, "Cam-CAN": _on_camcan, "ABIDE": _on_abide}


def _notes_on_table_2(scans: Iterable[Scan]) -> list[str]:
    """Return a sentence per diagnosis, taken from each subject's first scan."""
    firsts = first_scans(scans)
    total = sum(subjects for subjects, _, _ in TABLE_2.values())
    if len(firsts) < PART * total:
        groups = listing(f"{subjects} {diagnosis}" for diagnosis, (subjects, _, _) in TABLE_2.items())
        return [
            f"{counted(firsts, 'subject')}: too few to set beside Table 2 of the paper, which has {total:,} ({groups})."
        ]
    notes = []
    for diagnosis, (subjects, males, numbers) in TABLE_2.items():
        theirs = [scan for scan in firsts if scan.labels.get("diagnosis") == diagnosis]
        here = _described(len(theirs), sum(scan.labels.get("sex") == "male" for scan in theirs), _measured(theirs))
        notes.append(
            f"{diagnosis} at each subject's first scan: {here}. Table 2: {_described(subjects, males, numbers)}."
        )
    unknown = sum("diagnosis" not in scan.labels for scan in firsts)
    return [
        *notes,
        f"Table 2 has {total:,} subjects, here are {len(firsts)}, {unknown} of them without a diagnosis at their first "
        "scan; the paper does not say which release and which visit it took.",
    ]


def first_scans(scans: Iterable[Scan]) -> list[Scan]:
    """Return the earliest scan of each subject; ADNI's names end in the day."""
    firsts: dict[str, Scan] = {}
    for scan in sorted(scans, key=lambda scan: scan.name):
        firsts.setdefault(scan.subject, scan)
    return list(firsts.values())


def _measured(scans: Sequence[Scan]) -> dict[str, tuple[float, float]]:
    found = {}
    for label in ("age_years", "education_years", "mmse"):
        values = [float(scan.labels[label]) for scan in scans if label in scan.labels]
        if values:
            found[label] = mean(values), stdev(values) if len(values) > 1 else 0.0
    return found


def _described(subjects: int, males: int, numbers: Mapping[str, tuple[float, float]]) -> str:
    words = {"age_years": "age", "education_years": "education", "mmse": "MMSE"}
    told = "".join(f", {words[label]} {centre:.2f} ± {spread:.2f}" for label, (centre, spread) in numbers.items())
    return f"{subjects} ({males} male){told}"


def _number(scan: Scan, label: str, otherwise: float) -> float:
    said = scan.labels.get(label)
    return said if isinstance(said, float) else otherwise
