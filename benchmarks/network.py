"""Measure the network: against the plain way of writing it, against its peers, and in memory.

Commands (paths relative to the repository)::

    python benchmarks/network.py encoder                 forward and training step, against (k, k, 1) convolutions
    python benchmarks/network.py encoder --input head --scan FILE        on a prepared scan instead of a drawn head
    python benchmarks/network.py together                small scans, several at a time, against one by one
    python benchmarks/network.py stage-2                 an epoch on kept vectors, against encoding again
    python benchmarks/network.py segmentation            against the full 528-channel map, SegResNet, DynUNet
    python benchmarks/network.py segmentation --swin     and against SwinUNETR, one window (a minute or two more)
    python benchmarks/network.py classification          against MedicalNet's ResNet-18 and Models Genesis' encoder
    python benchmarks/network.py step                    time and peak memory of a fine-tuning step at BraTS size
    python benchmarks/network.py cohort                  memory of a run on 100 and on 10,000 scans
    python benchmarks/network.py pretraining --device cuda --precision bf16

All take `--threads` (1) and `--repetitions`. Times are medians over interleaved repetitions (A B A B ...) after one
that is not counted, with one thread in seconds of the processor's time; read the ratios. Our network runs eagerly
unless `--compile` is given; its peers always do.

`encoder` takes noise, none of whose slices is empty, and a head, of whose empty slices we encode one for all: a drawn
one, brought to the template by what is true of it, or with `--scan` one of `medtrans prepare`.

The floor of `pretraining`. Per scan and plane the encoder's convolutions write 13.4 million elements (stem 4.2, the
four stages 4.3, 2.8, 1.5 and 0.7). With all else fused into them, each is written and read once forwards, and
backwards its gradient is written once and read twice (for the input's and the weights' gradient), and it is read once
more: 6 passes. Times 3 planes, times 2 (a scan and its transformed self) these are 480 million elements, 0.97 GB in
bfloat16. A card that moves 4.3 TB/s needs 0.22 ms for that: 4,400 scans/s, and a minute for the paper's 1,783 scans
and 150 epochs. Ten minutes are 446 scans/s, a tenth of the floor.
"""

import argparse
import tempfile
import time
from pathlib import Path
from unittest import mock

import network_memory
import numpy as np
import torch
from measuring import Work, interleave, own_peak_gigabytes, peak_gigabytes, tell_machine, tell_ratios
from peers import MedicalNet, PlainEncoders, dynunet, genesis, segres, swin
from torch import Tensor, nn

from medical_transformer.backbones import MedicalTransformer, MedicalTransformerConfig
from medical_transformer.backbones.medical_transformer import slice_encoder
from medical_transformer.cohorts.phantoms import draw_head
from medical_transformer.preprocessing.config import DEFAULT
from medical_transformer.preprocessing.intensity import normalize
from medical_transformer.preprocessing.placement import place_in_template
from medical_transformer.pretraining import Exemplar, MaskedEncoding, UnlabelledBatch, encode_scans
from medical_transformer.slices import Plane, cut
from medical_transformer.tasks import BRATS_REGIONS, Classification, LabelledBatch, Segmentation, TaskModel
from medical_transformer.tasks.objective import TaskObjective
from medical_transformer.training import TrainingConfig
from medical_transformer.training.compilation import keep_compiled
from medical_transformer.training.devices import build_fabric
from medical_transformer.volumes import average_pool, read_volume
from medical_transformer.volumes.volume import Voxels

# Steps of stage 2 between two encodings: one alone is too short for a clock beside other jobs.
STEPS = 20
COARSE = ((24, 28, 24), (48, 57, 48))  # 8 mm and 4 mm
PREPARED, BRATS, HALF = (96, 114, 96), (160, 192, 128), (80, 96, 64)
DIAGNOSIS = Classification(label="diagnosis", classes=("CN", "MCI", "AD"))
TUMOUR = Segmentation(values=(1, 2, 4), regions=BRATS_REGIONS)
ELEMENTS_MOVED = 6 * 13.4e6 * len(Plane) * 2
BYTES_PER_SECOND = 4.3e12  # of an H200, read plus written


def main() -> None:
    given = read_arguments()
    tell_machine(given.threads, given.device)
    if given.compile:
        keep_compiled()
    COMMANDS[given.command](given)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--batch", type=int, default=0, help="Scans at once; 2 for `encoder`, 10 for `pretraining`.")
    parser.add_argument("--input", nargs="+", default=["noise", "head"], choices=["noise", "head"])
    parser.add_argument("--scan", type=Path, help="A prepared scan (NIfTI) for `encoder`, instead of a drawn head.")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--swin", action="store_true")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", default="32", choices=["32", "bf16"])
    parser.add_argument("--scans", type=int, default=0, help="For `stage-2` (10) and `pretraining` (20).")
    return parser.parse_args()


def measure_encoder(given: argparse.Namespace) -> None:
    for name in given.input:
        about, voxels = ("noise", np.random.default_rng(0).random(PREPARED)) if name == "noise" else a_head(given)
        volume = torch.as_tensor(np.ascontiguousarray(voxels, dtype=np.float32))
        measure_encoder_on(about, volume.expand(given.batch or 2, 1, *volume.shape).contiguous(), given)


def measure_encoder_on(about: str, volumes: Tensor, given: argparse.Namespace) -> None:
    ours, plain = our_backbone(given), PlainEncoders()

    def encode() -> list[Tensor]:
        return [features.vectors for features in ours.encode_slices(volumes).values()]

    def encode_all() -> list[Tensor]:
        with mock.patch.object(slice_encoder, "find_empty", return_value=None):
            return encode()

    convolutions, every = "(k, k, 1) convolutions", "ours, every empty slice too"
    forward = {"ours": torch.no_grad()(encode), convolutions: lambda: no_grad(plain, volumes)}
    step = {"ours": lambda: back(encode()), convolutions: lambda: back(plain(volumes))}
    stacks = [cut(volumes[:1], plane)[0].flatten(1) for plane in Plane]
    empty = sum(int((~stack.any(dim=1)).sum()) for stack in stacks)
    if empty:
        forward[every], step[every] = torch.no_grad()(encode_all), lambda: back(encode_all())
    print(f"\nInput: {about}; {empty} of {sum(map(len, stacks))} slices are empty")
    size = f"three encoders, {len(volumes)} scans of {'x'.join(map(str, volumes.shape[2:]))}"
    tell_ratios(f"Forward, {size}", interleave(forward, given.repetitions), {convolutions: 6})
    tell_ratios(f"Training step, {size}", interleave(step, given.repetitions), {convolutions: 5})


def a_head(given: argparse.Namespace) -> tuple[str, Voxels]:
    """Return a prepared head, and what it is."""
    if given.scan:
        return f"a prepared scan, {given.scan.name}", read_volume(given.scan)[0].voxels
    head = draw_head(0)
    placement = place_in_template(head.volume.grid, np.linalg.inv(head.truth.head_to_template), DEFAULT.pool)
    mask = placement.mask_to_fine(head.truth.brain)
    brain = normalize(placement.to_fine(head.volume, order=1), mask, DEFAULT, "drawn head")
    return "a drawn head", average_pool(brain, DEFAULT.pool).voxels


def measure_together(given: argparse.Namespace) -> None:
    for shape in COARSE:
        volumes, backbone = torch.rand(given.batch or 10, 1, *shape), our_backbone(given)

        def step(voxels: int, volumes: Tensor = volumes, backbone: MedicalTransformer = backbone) -> None:
            with mock.patch.object(slice_encoder, "VOXELS_AT_ONCE", voxels):
                back([features.vectors for features in backbone.encode_slices(volumes).values()])

        works = {
            "together": lambda step=step: step(slice_encoder.VOXELS_AT_ONCE),
            "one by one": lambda step=step: step(1),
        }
        about = f"{len(volumes)} scans of {'x'.join(map(str, shape))}"
        tell_ratios(f"Training step, {about}", interleave(works, given.repetitions), {})


def measure_stage_2(given: argparse.Namespace) -> None:
    """Time steps of stage 2, an epoch in small, with Adam's own step and new masks each time.

    The paper's way encodes every scan twice per step: whole for the targets, and with masked slices for the
    transformer. Once is enough where masked slices are encoded apart, as here, and their vector is kept.
    """
    scans, backbone = given.scans or 10, our_backbone(given)
    volumes = torch.rand(scans, 1, *PREPARED)
    encoded = encode_scans(backbone, [UnlabelledBatch(volumes, tuple("?" * scans))])
    objective = MaskedEncoding(backbone, encoded)
    optimizer = torch.optim.AdamW(objective.parameters(), lr=1e-4, weight_decay=0)
    draws = torch.Generator().manual_seed(0)

    def learn(encodings: int) -> None:
        for _ in range(encodings):
            torch.no_grad()(backbone.encode_slices)(volumes)
        optimizer.zero_grad()
        objective(encoded.select(list(range(scans))), draws).backward()
        optimizer.step()

    def learn_often() -> None:
        for _ in range(STEPS):
            learn(0)

    works: dict[str, Work] = {f"kept vectors, {STEPS} steps": learn_often}
    works |= {"encoding once again": lambda: learn(1), "encoding twice, the paper's way": lambda: learn(2)}
    (ours, long), *others = interleave(works, given.repetitions).items()
    seconds = {ours.partition(",")[0]: long / STEPS, **dict(others)}
    tell_ratios(f"Stage 2, one step on {scans} scans", seconds, dict.fromkeys(seconds, 200))


def measure_segmentation(given: argparse.Namespace) -> None:
    model = TaskModel(our_backbone(given, 4), TUMOUR).eval()
    small, volumes = torch.rand(1, 4, *HALF), torch.rand(1, 4, *BRATS)

    def answer_plainly() -> Tensor:
        return model.head.forward_plain(model.backbone(small, maps=True), HALF)

    works = {"ours": lambda: no_grad(model, small), "full 528-channel map": torch.no_grad()(answer_plainly)}
    tell_ratios("Segmentation, 4x80x96x64", interleave(works, given.repetitions), {"full 528-channel map": 10})
    peers = {"SegResNet": (segres(), volumes), "DynUNet": (dynunet(), volumes)}
    if given.swin:
        peers["SwinUNETR, one window of 128x128x128 of four"] = (swin(), volumes[..., :128, :128, :128])
    works = {"ours": lambda: no_grad(model, volumes)}
    works |= {name: lambda peer=peer: no_grad(peer[0].eval(), peer[1]) for name, peer in peers.items()}
    goals = {"SegResNet": 3, "DynUNet": 5, "SwinUNETR, one window of 128x128x128 of four": 20 / 4}
    tell_ratios("Segmentation, 4x160x192x128", interleave(works, 1), goals)
    print(f"  peak memory of ours in a fresh process: {peak_gigabytes('forward-alone'):.2f} GB   goal 1.5 GB")


def measure_classification(given: argparse.Namespace) -> None:
    volumes = torch.rand(1, 1, *PREPARED)
    networks: dict[str, nn.Module] = {
        "ours": TaskModel(our_backbone(given), DIAGNOSIS),
        "MedicalNet's 3-D ResNet-18": MedicalNet(),
        "Models Genesis' encoder": genesis(),
    }
    works = {name: lambda network=network: no_grad(network.eval(), volumes) for name, network in networks.items()}
    goals = dict.fromkeys(networks, 5)
    tell_ratios("Classification, 96x114x96", interleave(works, given.repetitions), goals)


def measure_step(given: argparse.Namespace) -> None:
    print("\nFine-tuning step for segmentation, one scan of 4x160x192x128")
    print(f"  peak memory in a fresh process: {peak_gigabytes('step-alone'):.2f} GB   goal 6 GB")


def step_alone(given: argparse.Namespace) -> None:
    objective = TaskObjective(TaskModel(our_backbone(given, 4), TUMOUR))
    optimizer = torch.optim.Adam(objective.parameters())
    labels = torch.randint(4, (1, *BRATS))
    batch = LabelledBatch(torch.rand(1, 4, *BRATS), labels)
    seconds = []
    for _ in range(2):
        start = time.process_time()
        optimizer.zero_grad()
        objective(batch, torch.Generator()).backward()
        optimizer.step()
        seconds.append(time.process_time() - start)
    print(f"second step: {seconds[-1]:.1f} s of the processor\n{own_peak_gigabytes()}")


def forward_alone(given: argparse.Namespace) -> None:
    model = TaskModel(our_backbone(given, 4), TUMOUR).eval()
    start = time.process_time()
    no_grad(model, torch.rand(1, 4, *BRATS))
    print(f"one forward pass alone, of the processor: {time.process_time() - start:.1f} s\n{own_peak_gigabytes()}")


def measure_cohort(given: argparse.Namespace) -> None:
    print("\nStage 1 on drawn entries of 16x20x12, one epoch in a fresh process each")
    for scans in (100, 10_000):
        peak_gigabytes("cohort-alone", "--scans", str(scans))


def cohort_alone(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        network_memory.train(Path(folder), given.scans)
    print(own_peak_gigabytes())


def measure_pretraining(given: argparse.Namespace) -> None:
    """Stage 1 with all voxels on the device, as float16."""
    scans, batch = given.scans or 20, given.batch or 10
    config = TrainingConfig(device=given.device, precision=given.precision)
    fabric = build_fabric(config)
    backbone = our_backbone(given)
    network, optimizer = fabric.setup(Exemplar(backbone), torch.optim.Adam(backbone.encoders.parameters(), lr=1e-4))
    resident = torch.rand(scans, 1, *PREPARED, device=fabric.device).half()
    subjects = tuple(f"sub-{number}" for number in range(batch))
    draws = torch.Generator().manual_seed(0)

    def step() -> None:
        items = torch.randint(scans, (batch,), generator=draws)
        optimizer.zero_grad()
        fabric.backward(network(UnlabelledBatch(resident[items.to(fabric.device)].float(), subjects), draws))
        optimizer.step()

    seconds = interleave({"step": step}, given.repetitions, device=given.device)["step"]
    size = 2 if given.precision == "bf16" else 4
    floor = ELEMENTS_MOVED * size / BYTES_PER_SECOND
    print(f"\nStage 1, batches of {batch} at 96x114x96, {given.precision}: {batch / seconds:.1f} scans/s")
    print(f"  1,783 scans x 150 epochs: {1783 * 150 / batch * seconds / 60:.1f} min   goal 10 min on one H200")
    if given.device == "cuda":
        print(f"  {floor * batch / seconds:.1%} of the memory-bandwidth floor of an H200 ({1 / floor:.0f} scans/s)")


def our_backbone(given: argparse.Namespace, channels: int = 1) -> MedicalTransformer:
    backbone = MedicalTransformer(MedicalTransformerConfig(in_channels=channels))
    if given.compile:
        backbone.compile_parts()
    return backbone


@torch.no_grad()
def no_grad(network: nn.Module, volumes: Tensor) -> object:
    return network(volumes)


def back(vectors: list[Tensor]) -> None:
    torch.stack([plane.square().mean() for plane in vectors]).sum().backward()


COMMANDS = {
    "encoder": measure_encoder,
    "together": measure_together,
    "stage-2": measure_stage_2,
    "segmentation": measure_segmentation,
    "classification": measure_classification,
    "step": measure_step,
    "cohort": measure_cohort,
    "pretraining": measure_pretraining,
    # In a process of their own, for the peak of its memory:
    "step-alone": step_alone,
    "forward-alone": forward_alone,
    "cohort-alone": cohort_alone,
}

if __name__ == "__main__":
    main()
