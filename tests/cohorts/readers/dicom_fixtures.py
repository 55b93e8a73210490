"""DICOM series drawn with pydicom: real tags, unequal axes, a known value at every point of the patient."""

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

# Sides along the rows' direction, the columns' direction and the slices; and their sizes in mm.
SIDES, SIZES = (12, 14, 24), (1.5, 1.25, 2.0)
# A sagittal series: rows go to posterior, columns to the feet, and slices to the patient's left (DICOM's +x).
ROW, COLUMN, SLICE = np.array([0, 1, 0]), np.array([0, 0, -1]), np.array([1, 0, 0])
CORNER = np.array([-20.0, -9.0, 11.0])
MPRAGE = {
    "SeriesNumber": 3,
    "SeriesDescription": "t1_mprage_sag",
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
    "MRAcquisitionType": "3D",
    "ScanningSequence": ["GR", "IR"],
    "RepetitionTime": 2300.0,
    "EchoTime": 2.98,
    "InversionTime": 900.0,
}
LOCALISER = {
    "SeriesNumber": 1,
    "SeriesDescription": "AAHead_Scout",
    "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
    "EchoTime": 4.0,
    "RepetitionTime": 8.0,
}
T2 = {"SeriesNumber": 4, "SeriesDescription": "t2_tse_tra", "EchoTime": 96.0, "RepetitionTime": 6000.0}
DERIVED = {**MPRAGE, "SeriesNumber": 5, "ImageType": ["DERIVED", "SECONDARY", "MPR"], "SeriesDescription": "t1_mpr_tra"}


def value_at(column: int, row: int, number: int) -> int:
    """Return what is drawn at a place; no two places have the same."""
    return 100 + column + SIDES[0] * (row + SIDES[1] * number)


def place_of(column: int, row: int, number: int) -> Any:
    """Return the place in mm in DICOM's axes: to the left, to the back, upwards."""
    return CORNER + column * SIZES[0] * ROW + row * SIZES[1] * COLUMN + number * SIZES[2] * SLICE


def write_series(
    folder: Path, tags: dict[str, Any], *, slices: int = SIDES[2], study: str = "1.2.3", **more: Any
) -> None:
    """Write a series, a file per slice, under names that say nothing and in an order that is not theirs."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = generate_uid(entropy_srcs=[study, str(tags)])
    for number in range(slices):
        place = Path(folder, f"{tags['SeriesNumber']}{(number * 7) % slices:04d}")
        _slice(number, uid, study, {**tags, **more}, place)


def _slice(number: int, uid: str, study: str, tags: dict[str, Any], path: Path) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[uid, str(number)])
    one = FileDataset(str(path), Dataset(), file_meta=meta, preamble=b"\0" * 128)
    one.SOPClassUID, one.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    one.PatientID, one.PatientName, one.PatientSex, one.PatientAge = "P 07", "Drawn", "F", "045Y"
    one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, uid, study
    one.StudyDate, one.Modality, one.Manufacturer, one.InstanceNumber = "20200131", "MR", "SIEMENS", number + 1
    one.SliceThickness, one.SpacingBetweenSlices = SIZES[2], SIZES[2]
    one.PixelSpacing = [SIZES[1], SIZES[0]]  # between rows first
    one.ImageOrientationPatient = [float(part) for part in (*ROW, *COLUMN)]
    one.ImagePositionPatient = [float(part) for part in place_of(0, 0, number)]
    one.Columns, one.Rows, one.SamplesPerPixel, one.PhotometricInterpretation = *SIDES[:2], 1, "MONOCHROME2"
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
    pixels = [[value_at(column, row, number) for column in range(SIDES[0])] for row in range(SIDES[1])]
    one.PixelData = np.array(pixels, np.uint16).tobytes()
    for tag, value in tags.items():
        setattr(one, tag, value)
    one.save_as(path, enforce_file_format=True)
