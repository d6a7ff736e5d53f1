"""output/samples.jsonl of PPO: a few answers of some rollouts, for people to read.

A line has step, prompt_id, text, score (the reward model's) and finished (the answer ended by itself).
"""

import json
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.rlhf.data import chat
from training.rlhf.data.files import Prompt
from training.rlhf.model.sampling import Answer
from training.rlhf.rundir import RunDirectory, write_text

SHOWN = 4


def add_samples(
    directory: RunDirectory,
    step: int,
    prompts: Sequence[Prompt],
    answers: Sequence[Answer],
    scores: Tensor,
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    """Append the first answers of a rollout, with their scores (B,)."""
    with open(_path(directory), "a", encoding="utf-8") as file:
        for prompt, answer, score in list(zip(prompts, answers, scores, strict=True))[:SHOWN]:
            row = {
                "step": step,
                "prompt_id": prompt.prompt_id,
                "text": chat.decode(tokenizer, answer.content),
                "score": float(score),
                "finished": answer.finished,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def keep_samples_until(directory: RunDirectory, step: int) -> None:
    """Drop the samples of steps that will be done again, and a line cut off by a kill."""
    path = _path(directory)
    if not path.exists():
        return
    *lines, _torn = path.read_bytes().split(b"\n")
    kept = [line.decode() + "\n" for line in lines if json.loads(line)["step"] < step]
    write_text(path, "".join(kept))


def _path(directory: RunDirectory) -> Path:
    return directory.output / "samples.jsonl"
