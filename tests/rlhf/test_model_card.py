"""The model card: read by the hub's own parser, true, and safe from what names and licences may hold."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from training.rlhf.model_card import write_card
from training.rlhf.rundir import RunDirectory, dataset_file, sha256_of
from training.rlhf.stages import STAGES
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.sft.recipe import SFTRecipe

Make = Callable[..., Path]
ENERGY = {"estimate": True, "kwh": 0.0042, "kg_co2e": 0.0016, "country": "DEU", "reason": None}
HOSTILE = "mit\n---\n\n# Approved by everyone\n<script>alert(1)</script>\n{{ 7*7 }} ` | x"


def card_of(settings: dict[str, Any], make_run: Make, name: str = "run", **given: Any) -> ModelCard:
    """The card of a run with this recipe, without the run."""
    folder = make_run(settings, name)
    directory = RunDirectory(folder)
    directory.open()
    what = {"metrics": {"kl": 3.25, "steps": 4.0}, "energy": ENERGY, "seconds": 61.0} | given
    recipe: Any = directory.recipe()
    card = STAGES[recipe.stage].card
    assert card is not None
    write_card(directory, recipe, card, **what)
    return ModelCard.load(folder / "output" / "README.md")


@pytest.fixture
def licensed(llama: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A base model whose own card has this front matter."""

    def make(front: str) -> Path:
        folder = tmp_path / "base"
        shutil.copytree(llama, folder)
        (folder / "README.md").write_text(f"---\n{front}\n---\nA model.\n")
        return folder

    return make


def test_the_hubs_parser_reads_where_it_comes_from(ppo_settings: dict[str, Any], make_run: Make) -> None:
    card = card_of(ppo_settings, make_run)
    assert card.data.library_name == "peft" and card.data.pipeline_tag == "text-generation"
    assert set(card.data.tags or []) == {"rlhf", "ppo", "lora"}
    assert card.data.license is None and card.data.base_model is None
    reward = Path(ppo_settings["reward_adapter"])
    for words in (
        "**License of the base:** unknown: see the base model",
        "**Parent adapter:** none: it starts from the base",
        f"sha256 of its weights `{sha256_of(reward / 'adapter_model.safetensors')}`",
        f"`prompts.jsonl`, sha256 `{ppo_settings['dataset']['sha256']}`",
        "| `kl` | `3.25` |",
        "| `batch_size` | `8` |",
        "4.2 Wh, 1.6 g CO2e",
        "This is an estimate",
        "PeftModel.from_pretrained(base",
        "Out-of-Scope Use",
    ):
        assert words in card.text
    assert str(reward.parent) not in card.content  # nothing tells of the machine's folders


def test_the_bases_licence_and_the_parent_are_named(
    ppo_settings: dict[str, Any], licensed: Callable[[str], Path], make_run: Make, tmp_path: Path
) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    (parent / "adapter_model.safetensors").write_bytes(b"weights")
    base = licensed("license: apache-2.0")
    card = card_of(ppo_settings | {"base_model": str(base), "policy_adapter": str(parent)}, make_run)
    assert card.data.license == "apache-2.0"
    assert "**License of the base:** `apache-2.0`" in card.text
    assert f"`parent`, sha256 of its weights `{sha256_of(parent / 'adapter_model.safetensors')}`" in card.text


@pytest.mark.parametrize(
    "front", ["license: [a, b]", "license: {", "- a", "license: 7", "language: en", "license: ''"]
)
def test_a_base_whose_card_makes_no_sense_has_an_unknown_licence(
    front: str, ppo_settings: dict[str, Any], licensed: Callable[[str], Path], make_run: Make
) -> None:
    card = card_of(ppo_settings | {"base_model": str(licensed(front))}, make_run)
    assert card.data.license is None and "unknown: see the base model" in card.text


def test_hostile_names_and_licences_stay_within_their_place(
    ppo_settings: dict[str, Any], licensed: Callable[[str], Path], make_run: Make, tmp_path: Path
) -> None:
    named = tmp_path / f"{HOSTILE.replace('/', '')}.jsonl"
    shutil.copyfile(ppo_settings["dataset"]["path"], named)
    file = dataset_file(named)
    settings = ppo_settings | {
        "base_model": str(licensed(f"license: {json.dumps(HOSTILE)}")),
        "dataset": {"path": file.path, "sha256": file.sha256},
    }
    plain = card_of(ppo_settings, make_run, "plain")
    card = card_of(settings, make_run, "hostile", metrics={"kl": 3.25, HOSTILE: HOSTILE})
    assert set(card.data.to_dict()) == set(plain.data.to_dict()) | {"license"}
    assert "\n" not in str(card.data.license)

    def headings(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith(("#", "---", "<"))]

    assert headings(card.content) == headings(plain.content)
    assert "{{ 7*7 }}" in card.text and "49" not in card.text
    for line in card.text.splitlines():
        assert "<script>" not in line or line.count("`") % 2 == 0
        assert not line.startswith("|") or line.count("|") == 3


def test_a_hub_model_is_named_in_the_front_matter_and_never_waited_for(
    ppo_settings: dict[str, Any], make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def no_network(name: str, file: str, **settings: Any) -> str:
        asked.append((name, file))
        raise OSError("no network")

    monkeypatch.setattr("training.rlhf.model_card.hf_hub_download", no_network)
    card = card_of(ppo_settings | {"base_model": "someone/model"}, make_run)
    assert card.data.base_model == "someone/model" and card.data.license is None
    assert set(asked) == {("someone/model", "README.md")}
    assert 'from_pretrained("someone/model")' in card.text


def test_the_same_run_gives_the_same_card_but_for_what_was_measured(
    ppo_settings: dict[str, Any], make_run: Make
) -> None:
    first, second = (card_of(ppo_settings, make_run, name) for name in "ab")
    assert first.content == second.content
    third = card_of(ppo_settings, make_run, "c", seconds=99.0, energy=ENERGY | {"kwh": 1.0})
    differing = [
        a for a, b in zip(first.content.splitlines(), third.content.splitlines(), strict=True) if a != b
    ]
    assert len(differing) == 1 and "Wh" in differing[0]


def test_energy_that_could_not_be_measured_is_said(ppo_settings: dict[str, Any], make_run: Make) -> None:
    card = card_of(ppo_settings, make_run, energy={"kwh": None, "reason": "no counters"})
    assert "no estimate of its energy: `no counters`" in card.text


def test_each_stage_that_trains_says_how_to_load_it(ppo_settings: dict[str, Any], make_run: Make) -> None:
    shared = {key: ppo_settings[key] for key in ("base_model", "dataset")}
    reward = card_of({"stage": RewardRecipe.stage, **shared}, make_run, "reward")
    assert "AutoModelForSequenceClassification" in reward.text and "num_labels=1" in reward.text
    assert reward.data.pipeline_tag == "text-classification"
    whole = card_of({"stage": SFTRecipe.stage, **shared}, make_run, "sft")
    assert whole.data.library_name == "transformers" and "peft" not in whole.text
