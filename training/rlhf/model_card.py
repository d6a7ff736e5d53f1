"""A model card beside what a stage has trained: where it comes from, what it was measured at, what it is for.

It is huggingface_hub's ModelCard with the headings of its template, so the hub and its tools read it. Names
come from recipes, and a licence from a stranger's README: each is put on one line and between backticks, and
the front matter is written by a YAML library. Folders are named without their path, which tells of a machine.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from yaml import YAMLError

from training.rlhf.model.adapters import WEIGHTS
from training.rlhf.model.reward_head import member_folders
from training.rlhf.recipes import DatasetFile, Recipe, SFTRecipe
from training.rlhf.rundir import RunDirectory, sha256_of, write_text

CARD = "README.md"
_LONGEST = 200  # characters of a name
_KINDS = {
    "sft": "language model fine-tuned on conversations",
    "reward": "reward model: a score for an answer, learned from people's preferences",
    "ppo": "language model optimised by PPO against a reward model",
}
_USES = {
    "sft": "Answering in the manner of the conversations it was trained on.",
    "reward": "Ranking answers to the kind of prompts that people compared; training a policy against it.",
    "ppo": "Answering the kind of prompts that people compared; being compared again by people.",
}
_LIMITS = {
    "sft": "It repeats what is wrong in its conversations, and says things that are in none of them.",
    "reward": "Its scores say what the people who judged prefer, not what is true. They mean little for "
    "other kinds of prompts, other languages, or answers of a policy that has moved far from those judged.",
    "ppo": "It was optimised to please a reward model, and pleases it more than it pleases people. It may be "
    "wrong with confidence. What it had learned of safety before may have become weaker: test before use.",
}
_TEMPLATE = """---
{{ card_data }}
---

# {{ title }}

## Model Details

- **Model type:** {{ kind }}
- **Finetuned from:** {{ base }}
- **License of the base:** {{ licence }}
{% for name, value in parents %}- **{{ name }}:** {{ value }}
{% endfor %}
## Uses

{{ use }}

### Out-of-Scope Use

Advice on which someone's health, money, safety or rights depend; deciding about people; use without
telling people that a machine answers.

## Bias, Risks, and Limitations

{{ limits }}

## How to Get Started with the Model

```python
{{ code }}
```

## Training Details

### Training Data

{% for line in data %}- {{ line }}
{% endfor %}
### Training Hyperparameters

| setting | value |
|---|---|
{% for name, value in settings %}| {{ name }} | {{ value }} |
{% endfor %}
## Evaluation

{% if metrics %}| metric | value |
|---|---|
{% for name, value in metrics %}| {{ name }} | {{ value }} |
{% endfor %}{% else %}Nothing was measured.
{% endif %}
## Environmental Impact

{{ energy }}
"""


def write_card(
    directory: RunDirectory, recipe: Recipe, metrics: dict[str, Any], energy: dict[str, Any], seconds: float
) -> None:
    """Write output/README.md; the same run gives the same card but for what is measured."""
    card = ModelCard.from_template(
        _metadata(directory, recipe),
        template_str=_TEMPLATE,
        title=f"{'Model' if _whole(recipe) else 'LoRA adapter'} of the stage {recipe.stage}",
        kind=_KINDS[recipe.stage],
        base=_code(_base_name(directory, recipe)),
        licence=_code(known) if (known := _licence(directory, recipe)) else "unknown: see the base model",
        parents=list(_parents(directory, recipe)),
        use=_USES[recipe.stage],
        limits=_LIMITS[recipe.stage],
        code=_loading(directory, recipe),
        data=list(_data(recipe)),
        settings=[(_code(name), _code(value)) for name, value in _settings(recipe)],
        metrics=[(_code(name), _code(value)) for name, value in _flat(metrics)],
        energy=_energy(energy, seconds),
    )
    write_text(directory.output / CARD, card.content)


def _metadata(directory: RunDirectory, recipe: Recipe) -> ModelCardData:
    """The front matter; what is not known is left out."""
    known: dict[str, Any] = {}
    if licence := _licence(directory, recipe):
        known["license"] = licence
    if not _is_local(directory, recipe):  # the hub takes names of its own only
        known["base_model"] = _line(recipe.base_model)
    return ModelCardData(
        library_name="transformers" if _whole(recipe) else "peft",
        pipeline_tag="text-classification" if recipe.stage == "reward" else "text-generation",
        tags=["rlhf", recipe.stage, *([] if _whole(recipe) else ["lora"])],
        **known,
    )


def _licence(directory: RunDirectory, recipe: Recipe) -> str | None:
    """What the base's own card says; None when it has no card, an unreadable one or no licence."""
    try:
        path = directory.resolve(recipe.base_model) / CARD
        if not _is_local(directory, recipe):
            path = Path(hf_hub_download(recipe.base_model, CARD, etag_timeout=5))
        if not path.is_file():
            return None
        data = ModelCard.load(path, ignore_metadata_errors=True).data
    except (OSError, ValueError, TypeError, YAMLError, HfHubHTTPError, LocalEntryNotFoundError):
        return None
    said = data.get("license_name") if data.get("license") == "other" else data.get("license")
    return _line(said) or None if isinstance(said, str) else None


def _is_local(directory: RunDirectory, recipe: Recipe) -> bool:
    return directory.resolve(recipe.base_model).exists()


def _base_name(directory: RunDirectory, recipe: Recipe) -> str:
    if _is_local(directory, recipe):
        return directory.resolve(recipe.base_model).resolve().name
    return recipe.base_model


def _whole(recipe: Recipe) -> bool:
    return isinstance(recipe, SFTRecipe) and recipe.lora_r == 0


def _parents(directory: RunDirectory, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Adapters that the stage started from or learned from, by their checksums."""
    for name, what in (("policy_adapter", "Parent adapter"), ("reward_adapter", "Reward adapter")):
        folder = vars(recipe).get(name)
        if folder is not None:
            members = member_folders(directory.resolve(folder))
            sums = ", ".join(_code(sha256_of(member / WEIGHTS)) for member in members)
            yield what, f"{_code(directory.resolve(folder).name)}, sha256 of its weights {sums}"
        elif name in vars(recipe):
            yield what, "none: it starts from the base"


def _data(recipe: Recipe) -> Iterator[str]:
    for name, value in vars(recipe).items():
        if isinstance(value, DatasetFile):
            yield f"{name}: {_code(Path(value.path).name)}, sha256 {_code(value.sha256)}"


def _settings(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """All settings but names of files and folders, which have their places above."""
    for name, value in vars(recipe).items():
        if name != "base_model" and not name.endswith("_adapter") and not isinstance(value, DatasetFile):
            yield name, json.dumps(value)


def _flat(metrics: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every number and sentence in nested metrics, by its dotted name."""
    if isinstance(metrics, dict):
        for key, value in metrics.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(metrics, list):
        for place, value in enumerate(metrics):
            yield from _flat(value, f"{name}.{place}")
    elif isinstance(metrics, float):
        yield name, f"{metrics:.4g}"
    elif metrics is not None:
        yield name, str(metrics)


def _energy(energy: dict[str, Any], seconds: float) -> str:
    took = f"The run took {seconds:.0f} seconds"
    if energy.get("kwh") is None:
        return f"{took}. There is no estimate of its energy: {_code(energy.get('reason') or 'not measured')}."
    return (
        f"{took} and used about {energy['kwh'] * 1000:.3g} Wh, {energy['kg_co2e'] * 1000:.3g} g CO2e with "
        f"the electricity of {_code(energy['country'])}. This is an estimate, by codecarbon."
    )


def _loading(directory: RunDirectory, recipe: Recipe) -> str:
    kind, settings = "AutoModelForCausalLM", ""
    if recipe.stage == "reward":
        kind, settings = "AutoModelForSequenceClassification", ", num_labels=1"
    if _whole(recipe):
        return f'from transformers import {kind}\n\nmodel = {kind}.from_pretrained("THIS_FOLDER")'
    base = json.dumps(_line(_base_name(directory, recipe)).replace("`", ""))
    return (
        f"from peft import PeftModel\nfrom transformers import {kind}\n\n"
        f"base = {kind}.from_pretrained({base}{settings})\n"
        'model = PeftModel.from_pretrained(base, "THIS_FOLDER")'
    )


def _line(text: Any) -> str:
    """Text on one line, of printable characters, not longer than a name needs to be."""
    line = " ".join(str(text).split())
    return "".join(character for character in line if character.isprintable())[:_LONGEST]


def _code(text: Any) -> str:
    """Text that Markdown shows as it is, also within a table."""
    return "`" + _line(text).replace("`", "'").replace("|", "/") + "`"
