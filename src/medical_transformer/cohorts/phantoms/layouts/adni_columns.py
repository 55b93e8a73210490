"""The headers of ADNI's two tables."""

COLLECTION_COLUMNS = (
    "Image Data ID",
    "Subject",
    "Group",
    "Sex",
    "Age",
    "Visit",
    "Modality",
    "Description",
    "Type",
    "Acq Date",
    "Format",
    "Downloaded",
)
_WHO = "RID COLPROT ORIGPROT PTID SITE VISCODE EXAMDATE DX_bl AGE PTGENDER PTEDUCAT PTETHCAT PTRACCAT PTMARRY APOE4"
_MARKERS = "FDG PIB AV45 FBB ABETA TAU PTAU"
_SCORES = (
    "CDRSB ADAS11 ADAS13 ADASQ4 MMSE RAVLT_immediate RAVLT_learning RAVLT_forgetting RAVLT_perc_forgetting "
    "LDELTOTAL DIGITSCOR TRABSCOR FAQ MOCA EcogPtMem EcogPtLang EcogPtVisspat EcogPtPlan EcogPtOrgan "
    "EcogPtDivatt EcogPtTotal EcogSPMem EcogSPLang EcogSPVisspat EcogSPPlan EcogSPOrgan EcogSPDivatt EcogSPTotal"
)
_IMAGE = "FLDSTRENG FSVERSION IMAGEUID Ventricles Hippocampus WholeBrain Entorhinal Fusiform MidTemp ICV DX"
_BASELINE = "mPACCdigit mPACCtrailsB EXAMDATE_bl MMSE_bl Years_bl Month_bl Month M update_stamp"
MERGE_COLUMNS = tuple(" ".join((_WHO, _MARKERS, _SCORES, _IMAGE, _BASELINE)).split())
