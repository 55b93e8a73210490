"""The model card and the terminal's table say the same numbers as the result."""

import io
from dataclasses import replace

from rich.console import Console

from medical_transformer.reporting import ModelCard, card_scores, result_table, write_model_card
from medical_transformer.reporting.card import render_model_card
from medical_transformer.reporting.words import words_of


def test_a_card_says_what_where_and_how_good(tmp_path, age_result):
    card = ModelCard(
        name="brain-age",
        what_it_is="Predicts age from a T1-weighted scan.",
        trained_on=("IXI: 563 healthy adults.",),
        preparation={"Skull stripping": "deepbet 1.0.2"},
        fingerprint="a1b2c3",
        scores=card_scores(age_result),
        tested_on="140 subjects, 5 folds by subject.",
        fails_where=("People under 20.",),
        data_licences={"IXI": "CC BY-SA 3.0"},
        parameters=2_401_000,
        made_by={"Command": "medtrans finetune a|b"},
    )
    write_model_card(tmp_path / "README.md", card)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith('---\nlicense: "unknown"\n')
    assert "no licence has been given" in text
    assert 'license: "CC0-1.0"' in render_model_card(replace(card, licence="CC0-1.0"))
    for part in ("# brain-age", "2,401,000", "| MAE (years) | 5.24 ± ", "`a1b2c3`", "CC BY-SA 3.0", "a\\|b"):
        assert part in text
    assert "must not be used to diagnose" in text
    assert "2104.13633" in text


def test_an_untested_model_says_so_and_names_stay_text(tmp_path):
    write_model_card(tmp_path / "README.md", ModelCard(name="<b>x</b>\n# y", what_it_is="A test.", trained_on=()))
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "It has not been tested" in text
    assert "# &lt;b>x&lt;/b> # y" in text


def test_the_terminal_shows_the_primary_score_first_with_its_interval(diagnosis_result):
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(result_table(diagnosis_result))
    lines = console.export_text().splitlines()
    body = [line for line in lines if "mAUC" in line or "Accuracy" in line]
    assert "mAUC" in body[0]
    assert " to " in body[0]
    assert any("150 subjects, 5 folds" in line for line in lines)


def test_what_is_known_of_a_test_is_said_even_without_scores(tmp_path):
    card = ModelCard(name="x", what_it_is="A test.", trained_on=(), tested_on="On held-out subjects.")
    write_model_card(tmp_path / "README.md", card)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "On held-out subjects." in text
    assert "It has not been tested" not in text


def test_a_region_keeps_its_whole_name():
    assert words_of("dice_hippocampus_left").short == "Dice hippocampus left"
    assert words_of("hausdorff95_mm_WT").short == "HD95 WT (mm)"
    assert words_of("some_new_score").short == "some new score"
