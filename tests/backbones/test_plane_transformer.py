"""Attention, position codes and segment codes against their formulas, written out."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from medical_transformer.backbones import MedicalTransformerConfig, build_backbone
from medical_transformer.backbones.medical_transformer.plane_transformer import (
    Equation2Layer,
    PlaneTransformer,
    TransformerLayer,
    position_codes,
)
from medical_transformer.backbones.medical_transformer.question import ask
from medical_transformer.errors import ConfigError
from medical_transformer.slices import Plane

TABLE_3 = MedicalTransformerConfig()
PLAIN = MedicalTransformerConfig(attention="equation-2", embedding=6, feed_forward=10)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def vectors(embedding: int = 64, *, scans: int = 2) -> dict[Plane, Tensor]:
    sides = {Plane.SAGITTAL: 5, Plane.CORONAL: 7, Plane.AXIAL: 11}
    return {
        plane: torch.randn((scans, side, embedding), generator=generator(side), dtype=torch.float64)
        for plane, side in sides.items()
    }


def built(config: MedicalTransformerConfig) -> PlaneTransformer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PlaneTransformer(config).double().eval()


def layer_norm(rows: Tensor) -> Tensor:
    centred = rows - rows.mean(dim=-1, keepdim=True)
    return centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()


def test_position_codes_are_sines_in_even_and_cosines_in_odd_features() -> None:
    codes = position_codes(192, 64, base=10_000.0).numpy()
    for place in (0, 1, 17, 191):
        for pair in (0, 1, 10, 31):
            angle = place / 10_000 ** (2 * pair / 64)
            np.testing.assert_allclose(codes[place, 2 * pair], math.sin(angle), atol=1e-6)
            np.testing.assert_allclose(codes[place, 2 * pair + 1], math.cos(angle), atol=1e-6)


def test_position_codes_do_not_depend_on_how_many_slices_there_are() -> None:
    assert torch.equal(position_codes(96, 64, base=10_000.0), position_codes(192, 64, base=10_000.0)[:96])


def test_a_slice_is_scaled_and_told_its_place_and_its_plane() -> None:
    transformer = built(MedicalTransformerConfig(embedding=8))
    given = vectors(8)[Plane.CORONAL]
    expected = given * 8**0.5 + position_codes(7, 8, base=10_000.0).double() + transformer.segments[1]
    torch.testing.assert_close(transformer._code(Plane.CORONAL, given), expected)


def test_segment_codes_tell_the_planes_apart() -> None:
    transformer = built(TABLE_3)
    same = dict.fromkeys(Plane, vectors()[Plane.AXIAL])
    related = transformer(same)
    assert not torch.allclose(related[Plane.AXIAL], related[Plane.CORONAL])
    assert not torch.allclose(related[Plane.AXIAL], related[Plane.SAGITTAL])
    torch.nn.init.zeros_(transformer.segments)
    related = transformer(same)
    torch.testing.assert_close(related[Plane.AXIAL], related[Plane.CORONAL])


def test_attention_is_the_softmax_of_scaled_products_of_four_heads_of_256() -> None:
    layer = TransformerLayer(TABLE_3).double().eval()
    given = vectors()[Plane.AXIAL]
    query, key, value = (project(given) for project in (layer.query, layer.key, layer.value))
    heads = []
    for head in range(4):
        part = slice(256 * head, 256 * (head + 1))
        products = query[..., part] @ key[..., part].transpose(1, 2) / math.sqrt(256)
        heads.append(torch.softmax(products, dim=-1) @ value[..., part])
    torch.testing.assert_close(layer._attend(given), layer.out(torch.cat(heads, dim=-1)))


def test_a_layer_adds_attention_and_refinement_to_normalised_inputs() -> None:
    layer = TransformerLayer(TABLE_3).double().eval()
    given = vectors()[Plane.AXIAL]
    middle = given + layer._attend(layer_norm(given))
    hidden = layer.feed_forward.expand(layer_norm(middle)).clamp_min(0)
    torch.testing.assert_close(layer(given), middle + layer.feed_forward.contract(hidden))


def test_the_preset_of_equation_2_computes_equations_2_and_3_as_printed() -> None:
    layer = Equation2Layer(PLAIN).double().eval()
    encodings = vectors(6, scans=1)[Plane.CORONAL]
    found = layer(encodings)[0].detach().numpy()
    e = encodings[0].numpy()
    products = e @ e.T / np.sqrt(6)
    shares = np.exp(products) / np.exp(products).sum(axis=1, keepdims=True)
    bar = e + shares @ e
    f1, f2 = (part.weight.detach().numpy().T for part in (layer.feed_forward.expand, layer.feed_forward.contract))
    b1, b2 = (part.bias.detach().numpy() for part in (layer.feed_forward.expand, layer.feed_forward.contract))
    np.testing.assert_allclose(found, bar + np.maximum(bar @ f1 + b1, 0) @ f2 + b2)


def test_the_order_of_slices_matters() -> None:
    transformer, given = built(TABLE_3), vectors()
    turned = {plane: encodings.flip(1) for plane, encodings in given.items()}
    related, back = transformer(given)[Plane.AXIAL], transformer(turned)[Plane.AXIAL].flip(1)
    assert not torch.allclose(related, back, atol=1e-3)


def test_slices_look_only_at_their_own_plane() -> None:
    transformer, given = built(TABLE_3), vectors()
    changed = {**given, Plane.SAGITTAL: given[Plane.SAGITTAL] + 1}
    assert torch.equal(transformer(given)[Plane.AXIAL], transformer(changed)[Plane.AXIAL])


def test_slices_look_at_all_planes_where_that_is_asked_for() -> None:
    transformer, given = built(MedicalTransformerConfig(across_planes=True)), vectors()
    changed = {**given, Plane.SAGITTAL: given[Plane.SAGITTAL].flip(1)}
    assert not torch.allclose(transformer(given)[Plane.AXIAL], transformer(changed)[Plane.AXIAL])
    assert {plane: one.shape for plane, one in transformer(given).items()} == {p: v.shape for p, v in given.items()}


def test_planes_share_their_transformer_unless_it_is_asked_otherwise() -> None:
    assert list(built(TABLE_3).layers) == ["shared"]
    own = built(MedicalTransformerConfig(shared_transformer=False))
    assert list(own.layers) == list(Plane)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_dropout_acts_in_training_only(dropout: float) -> None:
    layer = TransformerLayer(MedicalTransformerConfig(dropout=dropout)).double()
    given = vectors()[Plane.AXIAL]
    assert torch.equal(layer.train()(given), layer.eval()(given)) == (dropout == 0)


ASKED = {Plane.SAGITTAL: 2, Plane.CORONAL: 3, Plane.AXIAL: 1}


def places(given: dict[Plane, Tensor]) -> dict[Plane, Tensor]:
    """Draw places per scan, in no order."""
    draws = generator(9)
    return {
        plane: torch.stack([torch.randperm(one.shape[1], generator=draws)[: ASKED[plane]] for _ in one])
        for plane, one in given.items()
    }


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"embedding": 16, "feed_forward": 64, "head_size": 4},
        {"attention": "equation-2"},
        {"shared_transformer": False},
        {"across_planes": True},
        {"layers": 3},
        {"layers": 2, "across_planes": True, "attention": "equation-2"},
        {"layers": 2, "shared_transformer": False, "attention": "equation-2"},
    ],
)
def test_slices_that_are_asked_for_are_related_as_among_all(settings: dict[str, Any]) -> None:
    """Values and the gradients of every weight and vector."""
    transformer = built(MedicalTransformerConfig(**settings))
    for weights in transformer.parameters():
        torch.nn.init.normal_(weights, std=0.2, generator=generator(4))
    given = {plane: one.requires_grad_() for plane, one in vectors(transformer.config.embedding, scans=3).items()}
    asked = places(given)
    whole = {p: one.take_along_dim(asked[p][..., None], dim=1) for p, one in transformer(given).items()}
    few = transformer(given, asked)
    learnt = [*transformer.parameters(), *given.values()]
    gradients = []
    for related in (whole, few):
        loss = sum(
            (related[plane] * torch.arange(related[plane].numel()).view_as(related[plane])).sum() for plane in Plane
        )
        gradients.append(torch.autograd.grad(loss, learnt))
    for plane in Plane:
        torch.testing.assert_close(few[plane], whole[plane], rtol=1e-10, atol=1e-12)
    for found, expected in zip(gradients[1], gradients[0], strict=True):
        # Key biases move nothing: their gradients are rounding.
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12 * float(expected.abs().max() + 1e3))


def test_what_dropout_takes_from_the_shares_it_takes_from_the_value_bias_too(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = TransformerLayer(TABLE_3).double().train()
    torch.nn.init.normal_(layer.value.bias)
    given = vectors()[Plane.AXIAL]
    monkeypatch.setattr(torch.nn.functional, "dropout", lambda rows, *_: rows * 0.5)
    query, key, value = (
        project(given).unflatten(-1, (4, 256)).transpose(1, 2) for project in (layer.query, layer.key, layer.value)
    )
    shares = 0.5 * torch.softmax(query @ key.transpose(2, 3) / 16, dim=-1)
    expected = layer.out((shares @ value).transpose(1, 2).flatten(2))
    asked = places({Plane.AXIAL: given})[Plane.AXIAL]
    found = layer._attend_from(given, ask([given.shape[1]], [asked]))
    torch.testing.assert_close(found, expected.take_along_dim(asked[..., None], dim=1))


def test_three_transformers_cannot_relate_slices_across_planes() -> None:
    with pytest.raises(ConfigError, match=r"^Settings of backbone 'medical-transformer'\. across_planes .* true\.$"):
        build_backbone("medical-transformer", {"across_planes": True, "shared_transformer": False})
