"""Preparing one scan, in memory."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from medical_transformer.cohorts import Verdict
from medical_transformer.errors import PreparationError
from medical_transformer.preprocessing import extraction, programs, quality
from medical_transformer.preprocessing.alignment import slack_mm
from medical_transformer.preprocessing.bias_field import correct_bias_field
from medical_transformer.preprocessing.config import DEFAULT, PipelineConfig
from medical_transformer.preprocessing.intensity import normalize
from medical_transformer.preprocessing.modalities import LEAD, RawScan, bring_together, leading_order, read_raw
from medical_transformer.preprocessing.placement import (
    Placement,
    place_in_box,
    place_in_template,
    pool_masked,
)
from medical_transformer.preprocessing.registration import register_affine, register_brain
from medical_transformer.preprocessing.template import COARSE, load_template
from medical_transformer.volumes import StoredGrid, Volume, average_pool
from medical_transformer.volumes.grid import Affine

Result = TypeVar("Result")
BIAS_FIELD_TOOLS = {"n4": ("niimath -n4", correct_bias_field), "fsl-fast": ("fast", programs.fast_corrected)}
# What has the contrast of the template.
T1_WEIGHTED = frozenset({"T1w", "T1ce"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was done, with the tool that did it and how long it took."""

    name: str
    tool: str
    seconds: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PreparedScan:
    """What preparation makes of one scan.

    Attributes:
        name: the scan.
        config: the pipeline it went through.
        volumes: modality to volume on the network's grid, float32 in [0, 1], exactly 0 outside the brain.
        segmentation: label map on the same grid, where the scan has one.
        brain_mask: the brain on the network's grid.
        native: the leading image as read, in RAS+.
        native_brain_mask: the brain on the grid of `native`.
        stored: how the leading image's file stores its voxels, to write answers with `write_like`.
        placement: the way between the native and the prepared grid.
        steps: what was done, in order.
        quality: numbers that tell whether the result can be trusted (`quality.LIMITS`).
        verdict: prepared, warned or refused.
        reason: one sentence that tells why, empty where nothing stands out.
    """

    name: str
    config: PipelineConfig
    volumes: Mapping[str, Volume]
    segmentation: Volume | None
    brain_mask: Volume
    native: Volume
    native_brain_mask: Volume
    stored: StoredGrid
    placement: Placement
    steps: tuple[Step, ...]
    quality: Mapping[str, float]
    verdict: Verdict
    reason: str

    @property
    def template_from_native(self) -> Affine:
        """4x4 affine from native millimetres to template millimetres (identity for space=crop)."""
        return self.placement.template_from_native

    def to_native(self, volume: Volume, *, order: int) -> Volume:
        """Carry a volume on the prepared grid back to the input's RAS+ grid.

        Args:
            volume: on the grid of `volumes`.
            order: 0 for labels, 1 linear, 3 cubic.

        Raises:
            PreparationError: if the volume is on another grid.
        """
        return self.placement.to_native(volume, order=order)


def prepare_scan(
    images: Mapping[str, Path],
    config: PipelineConfig = DEFAULT,
    *,
    segmentation: Path | None = None,
    name: str = "",
) -> PreparedScan:
    """Make one raw scan comparable with others.

    The steps: read and check, find the brain, remove the shading inside it, register it to the template, one
    interpolation to the fine grid, intensities to [0, 1], pool. T1w leads where there is one: its brain mask
    and its affine hold for every modality. What lies on another grid is first registered to it, rigidly.

    Args:
        images: modality (`T1w`, `T1ce`, `T2w`, `FLAIR`) to a NIfTI file.
        config: the pipeline.
        segmentation: a label map on the same grid.
        name: the scan's name for messages; by default its leading file's name.

    Returns:
        The prepared scan; its verdict says whether it may be used.

    Raises:
        VolumeError: if a file is not a usable MRI.
        PreparationError: if a step fails.
    """
    name = name or next((path.name for path in leading_order(images).values()), "")
    run = _Run(name, config)
    raw = run.step("read", "nibabel", lambda: read_raw(images, segmentation))
    if raw.strays:
        raw = run.step(f"align {', '.join(raw.strays)} with {raw.lead_modality}", "own", partial(bring_together, raw))
    mask = _find_brain(raw, run)
    brains = _correct(raw, mask, run)
    placement = _place(brains[raw.lead_modality], raw.lead_modality, mask, run)
    fine_mask, fine = _carry(brains, mask, placement, run)
    lead = fine[raw.lead_modality]
    numbers = run.step("measure quality", "", lambda: _measure(raw, mask, lead, fine_mask, placement))
    if placement.box is None and raw.lead_modality in T1_WEIGHTED:
        numbers |= run.step("check registration", "own", lambda: _slack(brains[raw.lead_modality], placement))
    verdict, reason = quality.judge(numbers)
    brain_mask = _pooled_mask(fine_mask, config.pool)
    return PreparedScan(
        name=name,
        config=config,
        volumes={word: pool_masked(volume, brain_mask, config.pool) for word, volume in fine.items()},
        segmentation=None if raw.segmentation is None else placement.labels_to_prepared(raw.segmentation),
        brain_mask=brain_mask,
        native=raw.lead,
        native_brain_mask=mask,
        stored=raw.stored,
        placement=placement,
        steps=tuple(run.steps),
        quality=numbers,
        verdict=verdict,
        reason=reason,
    )


@dataclass(slots=True)
class _Run:
    """The preparation of one scan: its name, its pipeline, the steps done so far."""

    name: str
    config: PipelineConfig
    steps: list[Step] = field(default_factory=list)

    def step(self, name: str, tool: str, action: Callable[[], Result]) -> Result:
        """Do a step and write down what took how long."""
        start = time.perf_counter()
        result = action()
        self.steps.append(Step(name, tool, round(time.perf_counter() - start, 3)))
        return result


def _find_brain(raw: RawScan, run: _Run) -> Volume:
    method = run.config.extraction
    if method != "none" and extraction.is_stripped(raw.lead):
        method = "none"  # never strip twice
    if method == "auto":
        method = "deepbet"
    finders: dict[str, Callable[[], Volume]] = {
        "none": lambda: extraction.stripped_mask(list(raw.volumes.values())),
        "deepbet": lambda: extraction.deepbet_mask(raw.lead, run.name),
        "template": lambda: extraction.template_mask(raw.lead, run.name),
        "synthstrip": lambda: programs.synthstrip_mask(raw.lead, run.name),
        "hd-bet": lambda: programs.hd_bet_mask(raw.lead, run.name),
        "fsl-bet": lambda: programs.fsl_bet_mask(raw.lead, run.name),
    }
    mask = run.step("find brain", method, finders[method])
    if not mask.voxels.any():
        raise PreparationError(f"{run.name}: no brain was found by {method}.")
    return mask


def _correct(raw: RawScan, mask: Volume, run: _Run) -> dict[str, Volume]:
    if run.config.bias_field == "none":
        return {
            word: volume.with_voxels(np.where(mask.voxels, volume.voxels, np.float32(0.0)))
            for word, volume in raw.volumes.items()
        }
    tool, correct = BIAS_FIELD_TOOLS[run.config.bias_field]
    corrected: dict[str, Volume] = {}
    for word, volume in raw.volumes.items():
        action = partial(correct, volume, mask, run.name)
        corrected[word] = run.step(f"correct bias field of {word}", tool, action)
    return corrected


def _carry(
    brains: Mapping[str, Volume], mask: Volume, placement: Placement, run: _Run
) -> tuple[Volume, dict[str, Volume]]:
    """Bring mask and brains to the fine grid, two at a time, and intensities to [0, 1]."""

    def sample() -> tuple[Volume, dict[str, Volume]]:
        with ThreadPoolExecutor(max_workers=2) as threads:  # scipy's interpolation leaves the interpreter to others
            carried = threads.submit(placement.mask_to_fine, mask)
            sampled = {word: threads.submit(placement.to_fine, brain, order=1) for word, brain in brains.items()}
            return carried.result(), {word: one.result() for word, one in sampled.items()}

    fine_mask, fine = run.step("resample", "scipy", sample)
    if not fine_mask.voxels.any():
        raise PreparationError(f"{run.name}: the brain lies outside the prepared grid.")
    for word, volume in fine.items():
        scale = partial(normalize, volume, fine_mask, run.config, run.name)
        fine[word] = run.step(f"normalize {word}", run.config.normalization, scale)
    return fine_mask, fine


def _pooled_mask(mask: Volume, pool: int) -> Volume:
    share = average_pool(mask, pool)
    return share.with_voxels(share.voxels >= 0.5)


def _place(brain: Volume, lead: str, mask: Volume, run: _Run) -> Placement:
    if run.config.space == "crop":
        return place_in_box(mask, run.config)
    if run.config.registration == "none":
        return place_in_template(mask.grid, np.eye(4), run.config.pool)
    if run.config.registration == "fsl-flirt":
        affine = run.step("register", "flirt", lambda: programs.flirt_affine(brain, run.name))
    elif lead in T1_WEIGHTED:
        affine = run.step("register", "own", lambda: register_brain(brain, run.name))
    else:
        affine = run.step("register", "niimath -allineate", lambda: register_affine(brain, run.name))
    return place_in_template(mask.grid, affine, run.config.pool)


def _slack(brain: Volume, placement: Placement) -> dict[str, float]:
    return {"affine_slack_mm": slack_mm(brain, placement.native_from_template)}


def _measure(raw: RawScan, mask: Volume, fine: Volume, fine_mask: Volume, placement: Placement) -> dict[str, float]:
    numbers = quality.measure_native(mask, raw.lead)
    if placement.box is not None:
        return numbers | quality.measure_box(mask, placement)
    template = load_template()
    brain, coarse_mask = average_pool(fine, COARSE), _pooled_mask(fine_mask, COARSE)
    numbers |= quality.measure_affine(placement.template_from_native)
    numbers |= quality.measure_match(brain, coarse_mask, template)
    if raw.lead_modality == LEAD:
        numbers |= quality.measure_contrast(brain, coarse_mask, template)
    return numbers
