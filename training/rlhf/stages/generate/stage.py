"""Sample several completions of every prompt from one version, for volunteers to compare.

    python -m training.rlhf generate RUN_DIR

Writes output/completions.jsonl, rows {prompt_id, index, text, tokens, finished}: `tokens` counts the answer's
tokens, `finished` is false when it was cut off at the longest length. With a reward adapter a row also has
`scores`, several for each answer, whose spread is their uncertainty (see `generate.scores`). Prompts that are
too long are left out and listed in output/left_out.jsonl (see `data.prompt_lengths`). Two equal texts teach
nothing when they are ranked, so a repeated one is drawn anew a few times.
"""

import json
from typing import Any

from training.rlhf.data import chat
from training.rlhf.data.files import read_prompts
from training.rlhf.data.prompt_lengths import encode_fitting, prompt_limit
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.base_card import BaseCard
from training.rlhf.model.loading import base_location, load_base, load_tokenizer
from training.rlhf.model.sampling import Answer, Sampling, require_numbers, sample
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.rlhf.stages.generate.scores import score_answers


def run(directory: RunDirectory, recipe: GenerateRecipe) -> dict[str, float]:
    """The stage: sample, write the completions, and return how many ended and how long they are."""
    location = base_location(directory, recipe)
    tokenizer = load_tokenizer(location)
    fitting = encode_fitting(
        read_prompts(directory, recipe.dataset), tokenizer, limit=prompt_limit(recipe, location)
    )
    encoded = [ids for ids in fitting.ids for _ in range(recipe.completions_per_prompt)]
    base = SharedBase(load_base(location, recipe.dtype, recipe.device))
    if recipe.policy_adapter is not None:
        base.load("policy", directory.resolve(recipe.policy_adapter))
    how = Sampling.of(recipe, tokenizer, location)

    def draw(rows: list[int], attempt: int) -> list[Answer]:
        def report(done: int) -> None:
            if attempt == 0:  # how many will be drawn anew is not known beforehand
                directory.progress(done, len(encoded))
            directory.raise_if_cancelled()

        policy = "policy" if recipe.policy_adapter is not None else None
        with base.sampling_from(policy, recipe.batch_size) as model:
            drawn = sample(
                model,
                [encoded[i] for i in rows],
                how,
                seed=recipe.seed + (attempt << 32),
                batch_size=recipe.batch_size,
                after_batch=report,
            )
        require_numbers(drawn)
        return drawn

    answers = draw(list(range(len(encoded))), 0)
    texts = [chat.decode(tokenizer, answer.content) for answer in answers]
    for attempt in range(1, recipe.redraws + 1):
        rows = _repeated(texts, recipe.completions_per_prompt)
        if not rows:
            break
        for i, answer in zip(rows, draw(rows, attempt), strict=True):
            answers[i], texts[i] = answer, chat.decode(tokenizer, answer.content)
    ending = chat.ending(tokenizer)
    whole = [ids + answer.completed(ending) for ids, answer in zip(encoded, answers, strict=True)]
    scores = score_answers(directory, recipe, base, tokenizer, whole)
    with open(directory.output / "completions.jsonl", "w", encoding="utf-8") as file:
        for i, (answer, text) in enumerate(zip(answers, texts, strict=True)):
            place, index = divmod(i, recipe.completions_per_prompt)
            row: dict[str, Any] = {
                "prompt_id": fitting.prompts[place].prompt_id,
                "index": index,
                "text": text,
                "tokens": len(answer.tokens),
                "finished": answer.finished,
            }
            if scores is not None:
                row["scores"] = [round(score, 4) for score in scores[i].tolist()]
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    fitting.write_left_out(directory)
    BaseCard.of(recipe.base_model, location, tokenizer).write(directory.output)
    return {
        "overlong_prompts": float(len(fitting.left_out)),
        "completions": float(len(answers)),
        "repeated": float(len(_repeated(texts, recipe.completions_per_prompt))),
        "eos_rate": sum(answer.finished for answer in answers) / len(answers),
        "response_length": sum(len(answer.tokens) for answer in answers) / len(answers),
    }


def _repeated(texts: list[str], per_prompt: int) -> list[int]:
    """Which answers are the same text as an earlier one to the same prompt."""
    seen: set[tuple[int, str]] = set()
    repeated = []
    for i, text in enumerate(texts):
        key = (i // per_prompt, text)
        if key in seen:
            repeated.append(i)
        seen.add(key)
    return repeated
