"""The truth about a written cohort, in a folder beside it; real data sets have no such folder."""

from pathlib import Path

from medical_transformer.cohorts.phantoms.truth import Truth
from medical_transformer.cohorts.tables import write_json
from medical_transformer.volumes import write_volume


def write_truth(truth: Truth, folder: Path, name: str) -> None:
    """Write `<name>.json`, `<name>_brain.nii.gz` and `<name>_tissue.nii.gz`, in RAS+."""
    about = {
        "age_years": truth.age_years,
        "sex": truth.sex,
        "diagnosis": truth.diagnosis,
        "volumes_ml": dict(truth.volumes_ml),
        "head_to_template": truth.head_to_template.tolist(),
    }
    write_json(folder / f"{name}.json", about)
    write_volume(truth.brain, folder / f"{name}_brain.nii.gz")
    write_volume(truth.tissue, folder / f"{name}_tissue.nii.gz")
