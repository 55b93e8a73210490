"""Medical Transformer: a universal brain encoder for 3-D MRI.

A scan travels through the folders from left to right; each folder imports only from its left:

    volumes        ONE MRI: its voxels, and where they are in the head
    cohorts        MANY MRIs: who, which scan, which label, which fold
    preprocessing  making scans comparable: steps, pipeline, quality control, the store
    slices         cutting a volume along three planes; intensity curves; masking
    backbones      a volume in, an encoding out
    pretraining    teaching a backbone without labels
    tasks          a head, a loss and its scores
    training       the loop, optimisation, checkpoints, journal
    evaluation     metrics, folds, cross-validation
    reporting      tables, figures, pages, model cards
    experiments    whole jobs, one typed value each
    serving        a trained model answering on raw scans
    cli            one small file per verb

Reference: Jun, Jeong, Heo and Suk, "Medical Transformer: Universal Brain Encoder for 3D MRI Analysis",
arXiv 2104.13633.
"""

__version__ = "0.1.0"
