"""Optimiser and learning-rate schedule (paper section 4.1.1)."""

import math

import torch
from torch import nn

from medical_transformer.training.config import TrainingConfig


def build_optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return Adam (or AdamW where a weight decay is set) over the parameters that are trained."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay)


def learning_rate(config: TrainingConfig, epoch: float) -> float:
    """Return the learning rate at a (fractional) epoch counted from 0.

    With `decay` it is constant within an epoch and multiplied by the factor after each.
    """
    if config.schedule == "decay":
        return config.learning_rate * config.decay ** math.floor(epoch)
    if epoch < config.warmup_epochs:
        return config.learning_rate * (epoch + 1e-3) / config.warmup_epochs
    span = max(config.epochs - config.warmup_epochs, 1e-9)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min((epoch - config.warmup_epochs) / span, 1.0)))
