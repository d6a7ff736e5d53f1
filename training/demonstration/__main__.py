"""Sample the demonstration's first round anew.

    python -m training.demonstration BASE_MODEL

BASE_MODEL is the folder that `python -m training.rlhf unpack` made of the base model's file. It writes
answers.jsonl and recipe.json, the same ones on every machine whose processor computes alike.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from training.demonstration.content import ANSWERS, RECIPE, SYSTEM_PROMPT, questions_of
from training.rlhf.__main__ import main as run_engine
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import create_run, dataset_file, write_json, write_text
from training.rlhf.stages.generate.recipe import GenerateRecipe
from training.starter.corpus import CLIMATE, load_corpus

PROMPTS = "prompts.jsonl"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.demonstration", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("base_model", type=Path, metavar="BASE_MODEL", help="the unpacked base model")
    base = parser.parse_args(arguments).base_model.absolute()
    questions = questions_of(load_corpus(CLIMATE))
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch)
        write_text(run / PROMPTS, _lines(_prompts([question for question, _ in questions])))
        recipe = GenerateRecipe(
            base_model=str(base),
            dataset=DatasetFile(PROMPTS, dataset_file(run / PROMPTS).sha256),
            completions_per_prompt=4,
            max_new_tokens=80,
            threads=1,
        )
        create_run(run, recipe)
        if status := run_engine(["generate", str(run)]):
            return status
        sampled = (run / "output" / "completions.jsonl").read_text(encoding="utf-8").splitlines()
        result = json.loads((run / "result.json").read_text(encoding="utf-8"))
    texts: dict[str, list[str]] = {}
    for row in map(json.loads, sampled):
        texts.setdefault(row["prompt_id"], []).append(row["text"])
    write_text(
        ANSWERS,
        _lines(
            {"prompt": question, "language": language, "completions": texts[str(number)]}
            for number, (question, language) in enumerate(questions)
        ),
    )
    settings = asdict(recipe) | {"base_model": base.name}
    write_json(RECIPE, {"stage": recipe.stage, **settings, "system_prompt": SYSTEM_PROMPT})
    print(f"{ANSWERS.name}: {len(questions)} questions, {result['metrics']}")
    return 0


def _prompts(questions: Sequence[str]) -> list[dict[str, object]]:
    system = {"role": "system", "content": SYSTEM_PROMPT}
    return [
        {"prompt_id": str(number), "prompt": [system, {"role": "user", "content": question}]}
        for number, question in enumerate(questions)
    ]


def _lines(rows: Iterable[object]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
