"""The tables of a comparison of methods: the paper's, and what they leave out."""

from medical_transformer.reporting.comparison.summary import Place
from medical_transformer.reporting.comparison.write import write_comparison

__all__ = ["Place", "write_comparison"]
