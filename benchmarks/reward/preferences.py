"""Preferences to learn from: simulated ones of the demonstration, and votes of people.

Rows are as the export writes them. One prompt in five is held out.
"""

import csv
import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]
Messages = list[dict[str, str]]
K = 4
_TURN = re.compile(r"\n\n(Human|Assistant): ")


def demonstration(base: Path, *, corpus: Path, comparisons: int, threads: int) -> Rows:
    """Preferences between a model's answers to the corpus, each ranked by one simulated volunteer."""
    import numpy as np
    import torch

    from training.rlhf.data import chat
    from training.rlhf.data.files import Prompt
    from training.rlhf.model.loading import load_base, load_tokenizer
    from training.rlhf.model.sampling import Sampling, sample
    from training.rlhf.recipes import SamplingRecipe
    from training.simulation import SimulatedVolunteer
    from training.starter.corpus import load_corpus
    from training.starter.gold import GoldLabels

    torch.set_num_threads(threads)
    topics = load_corpus(corpus)
    gold, volunteer, rng = GoldLabels(topics), SimulatedVolunteer(), np.random.default_rng(0)
    questions = [question for topic in topics for question in topic.questions]
    asked = [questions[i] for i in rng.permutation(len(questions))]
    asked = (asked * (1 + comparisons // len(asked)))[:comparisons]
    tokenizer = load_tokenizer(str(base))
    spare = 2 * K  # a small model repeats itself
    prompts = [Prompt(q, [{"role": "user", "content": q}]) for q in asked for _ in range(spare)]
    encoded = [chat.encode_prompt(tokenizer, each.messages) for each in prompts]
    settings = Sampling(
        SamplingRecipe.max_new_tokens,
        SamplingRecipe.temperature,
        SamplingRecipe.top_p,
        (int(tokenizer.eos_token_id),),
        int(tokenizer.pad_token_id),
    )
    answers = sample(load_base(str(base), "float32"), encoded, settings, seed=1, batch_size=128)
    texts = [chat.decode(tokenizer, answer.tokens) for answer in answers]
    rows = []
    for number, question in enumerate(asked):
        distinct = list(dict.fromkeys(texts[number * spare : (number + 1) * spare]))[:K]
        if len(distinct) < K:
            continue
        ranks = volunteer.rank(np.array([gold.label(question, text).utility for text in distinct]), rng)
        for i, j in combinations(range(K), 2):
            if ranks[i] != ranks[j]:
                better, worse = (i, j) if ranks[i] < ranks[j] else (j, i)
                rows.append(_row(_asked(question), distinct[better], distinct[worse], number))
    return rows


def llmfao(folder: Path) -> Rows:
    """The majorities of a crowd's votes about pairs of chatbots' answers."""
    votes: dict[int, Counter[str]] = defaultdict(Counter)
    with open(folder / "crowd-comparisons.csv", encoding="utf-8", newline="") as file:
        for judgment in csv.DictReader(file):
            votes[int(judgment["id"])][judgment["winner"]] += 1
    rows = []
    for line in (folder / "pairs-crowd.jsonl").read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        margin = votes[pair["id"]]["left"] - votes[pair["id"]]["right"]
        if margin and pair["result_x"].strip() != pair["result_y"].strip():
            sides = ("result_x", "result_y") if margin > 0 else ("result_y", "result_x")
            rows.append(_row(_asked(pair["text"]), pair[sides[0]], pair[sides[1]], pair["id"]))
    return rows


def hh_rlhf(folder: Path) -> Rows:
    """Anthropic's harmless-base test split, where both conversations end in an assistant's answer."""
    rows = []
    with gzip.open(folder / "harmless-base-test.jsonl.gz", "rt", encoding="utf-8") as file:
        for number, line in enumerate(file):
            chosen, rejected = (_conversation(text) for text in json.loads(line).values())
            differ_at_the_end = chosen[:-1] == rejected[:-1] and chosen[-1] != rejected[-1]
            if differ_at_the_end and chosen[-1]["role"] == "assistant" and chosen[-1]["content"]:
                rows.append(_row(chosen[:-1], chosen[-1]["content"], rejected[-1]["content"], number))
    return rows


def thinned(rows: Rows, *, learned: int, held_out: int) -> Rows:
    """At most so many of either split, spread over the whole."""
    kept = []
    for split, most in (("train", learned), ("held_out", held_out)):
        of_split = [row for row in rows if row["split"] == split]
        kept += of_split[:: max(1, -(-len(of_split) // most))]
    return kept


def _conversation(text: str) -> Messages:
    parts = _TURN.split(text)[1:]
    roles = ("user" if name == "Human" else "assistant" for name in parts[::2])
    return [{"role": role, "content": said.strip()} for role, said in zip(roles, parts[1::2], strict=True)]


def _asked(question: str) -> Messages:
    return [{"role": "user", "content": question}]


def _row(prompt: Messages, chosen: str, rejected: str, comparison: int) -> dict[str, Any]:
    first = prompt[0]["content"]  # conversations that begin alike stay together
    return {
        "prompt": prompt,
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "comparison_id": comparison,
        "split": "held_out" if hashlib.sha256(first.encode()).digest()[0] % 5 == 0 else "train",
    }
