"""A model card beside what a stage has trained: where it comes from, what it was measured at, what it is for.

It is huggingface_hub's ModelCard with the headings of its template, so the hub and its tools read it. Names
come from recipes, and a licence from a stranger's README: each is put on one line and between backticks, and
the front matter is written by a YAML library. Folders are named without their path, which would describe a
machine.
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
from training.rlhf.recipes import DatasetFile, LoRARecipe, Recipe
from training.rlhf.rundir import RunDirectory, sha256_of, write_text
from training.rlhf.stages.base import Card

CARD = "README.md"
_LONGEST = 200  # characters of a name
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
    directory: RunDirectory,
    recipe: LoRARecipe,
    words: Card,
    *,
    metrics: dict[str, Any],
    energy: dict[str, Any],
    seconds: float,
) -> None:
    """Write output/README.md with the stage's own words; the same run differs in what is measured alone."""
    card = ModelCard.from_template(
        _metadata(directory, recipe, words),
        template_str=_TEMPLATE,
        title=f"{'Model' if _whole(recipe) else 'LoRA adapter'} of the stage {recipe.stage}",
        kind=words.kind,
        base=_code(_base_name(directory, recipe)),
        licence=_code(known) if (known := _licence(directory, recipe)) else "unknown: see the base model",
        parents=list(_parents(directory, recipe)),
        use=words.use,
        limits=words.limits,
        code=_loading(directory, recipe, words),
        data=list(_data(recipe)),
        settings=[(_code(name), _code(value)) for name, value in _settings(recipe)],
        metrics=[(_code(name), _code(value)) for name, value in _flat(metrics)],
        energy=_energy(energy, seconds),
    )
    write_text(directory.output / CARD, card.content)


def _metadata(directory: RunDirectory, recipe: LoRARecipe, words: Card) -> ModelCardData:
    """The front matter; what is not known is left out."""
    known: dict[str, Any] = {}
    if licence := _licence(directory, recipe):
        known["license"] = licence
    if not _is_local(directory, recipe):  # the hub takes names of its own only
        known["base_model"] = _line(recipe.base_model)
    return ModelCardData(
        library_name="transformers" if _whole(recipe) else "peft",
        pipeline_tag=words.task,
        tags=["rlhf", recipe.stage, *([] if _whole(recipe) else ["lora"])],
        **known,
    )


def _licence(directory: RunDirectory, recipe: Recipe) -> str | None:
    """The licence in the base's own card; None without a card, with an unreadable one or none in it."""
    try:
        path = directory.resolve(recipe.base_model) / CARD
        if not _is_local(directory, recipe):
            path = Path(hf_hub_download(recipe.base_model, CARD, etag_timeout=5))
        if not path.is_file():
            return None
        data = ModelCard.load(path, ignore_metadata_errors=True).data
    except (OSError, ValueError, TypeError, YAMLError, HfHubHTTPError, LocalEntryNotFoundError):
        return None
    name = data.get("license_name") if data.get("license") == "other" else data.get("license")
    return _line(name) or None if isinstance(name, str) else None


def _is_local(directory: RunDirectory, recipe: Recipe) -> bool:
    return directory.resolve(recipe.base_model).exists()


def _base_name(directory: RunDirectory, recipe: Recipe) -> str:
    if _is_local(directory, recipe):
        return directory.resolve(recipe.base_model).resolve().name
    return recipe.base_model


def _whole(recipe: LoRARecipe) -> bool:
    return recipe.lora_r == 0


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


def _loading(directory: RunDirectory, recipe: LoRARecipe, words: Card) -> str:
    kind = words.model_class
    if _whole(recipe):
        return f'from transformers import {kind}\n\nmodel = {kind}.from_pretrained("THIS_FOLDER")'
    base = json.dumps(_line(_base_name(directory, recipe)).replace("`", ""))
    return (
        f"from peft import PeftModel\nfrom transformers import {kind}\n\n"
        f"base = {kind}.from_pretrained({base}{words.load_arguments})\n"
        'model = PeftModel.from_pretrained(base, "THIS_FOLDER")'
    )


def _line(text: Any) -> str:
    """Text on one line, of printable characters, not longer than a name needs to be."""
    line = " ".join(str(text).split())
    return "".join(character for character in line if character.isprintable())[:_LONGEST]


def _code(text: Any) -> str:
    """Text that Markdown shows as it is, also within a table."""
    return "`" + _line(text).replace("`", "'").replace("|", "/") + "`"
