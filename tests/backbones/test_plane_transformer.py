"""Attention, position codes and segment codes against their formulas, written out."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from medical_transformer.backbones import MedicalTransformerConfig
from medical_transformer.backbones.medical_transformer.plane_transformer import (
    Equation2Layer,
    PlaneTransformer,
    TransformerLayer,
    position_codes,
)
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
