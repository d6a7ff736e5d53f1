"""Whether a base model can be trained and sampled from: checked once and whole, before anything runs.

    python -m training.rlhf check BASE_MODEL [--json]

BASE_MODEL is a folder or a hub name. Its configuration and its tokenizer are read; of its weights only what
base_sha256 covers. Ends with 1 when there are problems. In the JSON null is what could not be found out:

    ok               whether there are no problems
    problems         sentences: what is wrong, and what would help
    model_type       as config.json names it
    parameters       how many
    context          the most tokens that the model reads at once; null also where it sets no limit
    embeddings       rows of its embedding
    token_ids        one more than the largest id that its tokenizer gives
    stop_ids         tokens that end an answer; the first is the one that the chat template writes
    pad_id           the padding token
    system_message   whether the chat template writes a system message, which a system prompt needs
    template_sha256  of the chat template, as in an adapter's base.json
    base_sha256      of the weights, as in an adapter's base.json
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerBase

from training.rlhf.data import chat
from training.rlhf.data.messages import Message
from training.rlhf.errors import DataError, ModelError, RecipeError, first_line
from training.rlhf.model.base_card import BaseCard
from training.rlhf.model.loading import base_location, find_base, find_stop_ids, load_tokenizer
from training.rlhf.recipes import Recipe
from training.rlhf.rundir import RunDirectory

_SYSTEM, _QUESTION, _ANSWER = "carefully", "question", "answer"


@dataclass
class BaseReport:
    """What was found out; see the module."""

    problems: list[str]
    model_type: str | None = None
    parameters: int | None = None
    context: int | None = None
    embeddings: int | None = None
    token_ids: int | None = None
    stop_ids: tuple[int, ...] | None = None
    pad_id: int | None = None
    system_message: bool | None = None
    template_sha256: str | None = None
    base_sha256: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"ok": not self.problems, **asdict(self)}


def check_base(name: str, folder: Path) -> BaseReport:
    """Check the base model that a recipe in this folder calls by this name."""
    report = BaseReport(problems=[])
    try:
        location = find_base(name, folder / name)
        _check_model(location, report)
        _check_tokenizer(name, location, report)
    except (ModelError, DataError) as error:
        report.problems.append(str(error))
    return report


def require_usable_base(directory: RunDirectory, recipe: Recipe) -> None:
    """Raise ModelError or RecipeError unless base, lengths and adapters of a recipe go together."""
    report = check_base(recipe.base_model, directory.path)
    if report.problems:
        raise ModelError(" ".join(report.problems))
    _require_lengths(recipe, report.context)
    location = base_location(directory, recipe)
    card = BaseCard.of(recipe.base_model, location, load_tokenizer(location))
    for setting, value in vars(recipe).items():
        if setting.endswith("_adapter") and value is not None:
            card.require_same(directory.resolve(value))


def _require_lengths(recipe: Recipe, context: int | None) -> None:
    if context is None:
        return
    for setting, room in (("max_length", 0), ("max_new_tokens", 1)):
        length = getattr(recipe, setting, 0)
        if length + room > context:
            raise RecipeError(
                f"{setting} is {length}, but the base model reads at most {context} tokens: lower it."
            )


def _check_model(location: str, report: BaseReport) -> None:
    try:
        config = AutoConfig.from_pretrained(location, trust_remote_code=False)
        report.model_type = config.model_type
        report.context = getattr(config.get_text_config(), "max_position_embeddings", None)
        with torch.device("meta"):  # shapes alone
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:  # a malformed file makes the libraries raise anything
        raise ModelError(
            f"The configuration of the base model {location} cannot be read: {first_line(error)}"
        ) from error
    embedding: Any = model.get_input_embeddings()
    report.embeddings = int(embedding.weight.shape[0])
    report.parameters = sum(each.numel() for each in model.parameters())
    if Path(location).is_dir() and not any(Path(location).glob("*.safetensors")):
        report.problems.append(f"The model folder {location} has no weights as safetensors.")


def _check_tokenizer(name: str, location: str, report: BaseReport) -> None:
    tokenizer = load_tokenizer(location)
    card = BaseCard.of(name, location, tokenizer)
    report.template_sha256, report.base_sha256 = card.chat_template_sha256, card.base_sha256
    report.pad_id = int(tokenizer.pad_token_id)
    report.token_ids = 1 + max(tokenizer.get_vocab().values())
    report.problems += _problems_of_template(tokenizer, report)
    report.stop_ids = find_stop_ids(location, tokenizer)
    assert report.embeddings is not None
    if report.token_ids > report.embeddings:
        report.problems.append(
            f"The tokenizer of {name} gives {report.token_ids} token ids, but the model's embedding has "
            f"{report.embeddings} rows: take the tokenizer that belongs to the model."
        )
    elif beyond := [token for token in report.stop_ids if token >= report.embeddings]:
        report.problems.append(
            f"generation_config.json of {name} ends answers with the token {beyond[0]}, but the model's "
            f"embedding has {report.embeddings} rows."
        )


def _problems_of_template(tokenizer: PreTrainedTokenizerBase, report: BaseReport) -> Iterator[str]:
    """What is wrong with the chat template; fills in whether it takes system messages."""
    question: list[Message] = [{"role": "user", "content": _QUESTION}]
    answer: list[Message] = [{"role": "assistant", "content": _ANSWER}]
    system: list[Message] = [{"role": "system", "content": _SYSTEM}]
    report.system_message = _writes_system(tokenizer, system, question)
    for before in (system, []) if report.system_message else ([],):
        asked = chat.encode_prompt(tokenizer, before + question)
        whole = chat.encode_conversation(tokenizer, before + question + answer)
        if whole[: len(asked)] != asked:
            yield (
                "The chat template begins an answer that is asked for with other tokens than one that is "
                "given, so a model would be trained on one beginning and sampled from another."
            )
            return
        if _QUESTION not in tokenizer.decode(asked) or _ANSWER not in tokenizer.decode(whole):
            yield "The chat template leaves out the text of messages."
            return
        if report.context is not None and len(whole) >= report.context:
            yield (
                f"The model reads at most {report.context} tokens, and the chat template alone takes "
                f"{len(whole)}."
            )
            return


def _writes_system(
    tokenizer: PreTrainedTokenizerBase, system: Sequence[Message], question: Sequence[Message]
) -> bool:
    """Whether a system message reaches the model: some templates refuse it, some drop it."""
    try:
        return _SYSTEM in tokenizer.decode(chat.encode_prompt(tokenizer, [*system, *question]))
    except DataError:
        return False
