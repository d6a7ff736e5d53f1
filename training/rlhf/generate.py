"""Sample several completions of every prompt from one version, for volunteers to compare.

    python -m training.rlhf generate RUN_DIR

Writes output/completions.jsonl, rows {prompt_id, index, text, tokens, finished}: `tokens` counts the answer's
tokens, `finished` is false when it was cut off at the longest length. Two equal texts teach nothing when they
are ranked, so a repeated one is drawn anew a few times.
"""

import json

from training.rlhf import chat
from training.rlhf.adapters import SharedBase
from training.rlhf.data import read_prompts
from training.rlhf.loading import base_location, load_base, load_tokenizer, write_base_card
from training.rlhf.recipes import GenerateRecipe
from training.rlhf.rundir import RunDirectory
from training.rlhf.sampling import Answer, Sampling, sample


def run(directory: RunDirectory, recipe: GenerateRecipe) -> dict[str, float]:
    """The stage: sample, write the completions, and return how many ended and how long they are."""
    prompts = read_prompts(directory, recipe.dataset)
    location = base_location(directory, recipe)
    tokenizer = load_tokenizer(location)
    encoded = [
        chat.encode_prompt(tokenizer, each.messages, longest=recipe.max_prompt_tokens)
        for each in prompts
        for _ in range(recipe.completions_per_prompt)
    ]
    base = SharedBase(load_base(location, recipe.dtype))
    if recipe.policy_adapter is not None:
        base.load("policy", directory.resolve(recipe.policy_adapter))
    how = Sampling.of(recipe, tokenizer)

    def report(done: int) -> None:
        directory.progress(done, len(encoded))
        directory.raise_if_cancelled()

    def draw(rows: list[int], attempt: int) -> list[Answer]:
        with base.use("policy" if recipe.policy_adapter is not None else None) as model:
            return sample(
                model,
                [encoded[i] for i in rows],
                how,
                seed=recipe.seed + (attempt << 32),
                batch_size=recipe.batch_size,
                after_batch=report if attempt == 0 else None,
            )

    answers = draw(list(range(len(encoded))), 0)
    for attempt in range(1, recipe.redraws + 1):
        rows = _repeated(answers, recipe.completions_per_prompt)
        if not rows:
            break
        for i, answer in zip(rows, draw(rows, attempt), strict=True):
            answers[i] = answer
    with open(directory.output / "completions.jsonl", "w", encoding="utf-8") as file:
        for i, answer in enumerate(answers):
            place, index = divmod(i, recipe.completions_per_prompt)
            row = {
                "prompt_id": prompts[place].prompt_id,
                "index": index,
                "text": chat.decode(tokenizer, answer.tokens),
                "tokens": len(answer.tokens),
                "finished": answer.finished,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    write_base_card(directory, recipe, tokenizer)
    return {
        "completions": float(len(answers)),
        "repeated": float(len(_repeated(answers, recipe.completions_per_prompt))),
        "eos_rate": sum(answer.finished for answer in answers) / len(answers),
        "response_length": sum(len(answer.tokens) for answer in answers) / len(answers),
    }


def _repeated(answers: list[Answer], per_prompt: int) -> list[int]:
    """Which answers say what an earlier one to the same prompt says."""
    seen: set[tuple[int, tuple[int, ...]]] = set()
    repeated = []
    for i, answer in enumerate(answers):
        key = (i // per_prompt, tuple(answer.tokens))
        if key in seen:
            repeated.append(i)
        seen.add(key)
    return repeated
