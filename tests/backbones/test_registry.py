import pytest
from pydantic import ValidationError

from medical_transformer.backbones import MedicalTransformerConfig, build_backbone
from medical_transformer.errors import ConfigError


def test_an_unknown_backbone_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'medical-transformer'"):
        build_backbone("medical_transformer")


def test_a_misspelt_setting_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="embeding"):
        build_backbone("medical-transformer", {"embeding": 8})


def test_a_setting_out_of_range_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="heads"):
        build_backbone("medical-transformer", {"heads": 0})


def test_settings_never_change() -> None:
    with pytest.raises(ValidationError):
        MedicalTransformerConfig().heads = 2  # type: ignore[misc]


def test_what_is_wrong_with_settings_is_a_sentence_on_one_line() -> None:
    with pytest.raises(ConfigError) as refused:
        build_backbone("3d-ssl", {"hiden": 0})
    expected = "Settings of backbone '3d-ssl'. hiden: there is no such setting; did you mean hidden?"
    assert str(refused.value) == expected
