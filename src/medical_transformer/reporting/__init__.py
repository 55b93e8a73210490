"""Tables, figures, pages and model cards."""

from medical_transformer.reporting.card import CardScore, ModelCard, card_scores, write_model_card
from medical_transformer.reporting.comparison import Place, write_comparison
from medical_transformer.reporting.label_styles import label_styles
from medical_transformer.reporting.overview import write_overview
from medical_transformer.reporting.pretraining import TaughtStage, write_pretraining_report
from medical_transformer.reporting.report import render_report, write_report
from medical_transformer.reporting.side_by_side import methods_picture
from medical_transformer.reporting.slices_picture import (
    BRATS_LABELS,
    LabelStyle,
    OverlayPicture,
    slices_picture,
)
from medical_transformer.reporting.tables import result_table

__all__ = [
    "BRATS_LABELS",
    "CardScore",
    "LabelStyle",
    "ModelCard",
    "OverlayPicture",
    "Place",
    "TaughtStage",
    "card_scores",
    "label_styles",
    "methods_picture",
    "render_report",
    "result_table",
    "slices_picture",
    "write_comparison",
    "write_model_card",
    "write_overview",
    "write_pretraining_report",
    "write_report",
]
