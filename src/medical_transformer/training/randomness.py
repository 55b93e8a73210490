"""Every draw is a function of a seed and a place in the run, so a resumed run equals an uninterrupted one."""

import hashlib

import torch


def derive_seed(seed: int, *place: str | int) -> int:
    """Return a 63-bit seed for a place in the run, such as ("epoch", 3, "step", 7)."""
    text = repr((seed, *place)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


def generator(seed: int, *place: str | int) -> torch.Generator:
    """Return a generator for a place in the run."""
    return torch.Generator().manual_seed(derive_seed(seed, *place))


def shuffled(items: list[int], seed: int, epoch: int) -> list[int]:
    """Return the items in the order of an epoch."""
    order = torch.randperm(len(items), generator=generator(seed, "order", epoch)).tolist()
    return [items[place] for place in order]
