"""Every figure that sft and reward log is what its name says, by a slow computation in float64."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import variance
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import logsigmoid
from transformers import AutoModelForCausalLM, Trainer

from tests.rlhf.exact import ExactReward
from tests.rlhf.making import BAD, GOOD, QUESTIONS, conversation, progress_of, write_rows
from training.rlhf.data.chat import encode_conversation
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import create_run
from training.rlhf.stages.reward import stage as reward
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.reward.report import HEADLINES
from training.rlhf.stages.sft import stage as sft
from training.rlhf.stages.sft.recipe import SFTRecipe

# One worker makes the runs, once for all tests.
pytestmark = pytest.mark.xdist_group("trainer-metrics")

# The Trainer logs its first step, then every fifth: means over the steps since, or what the last of them was.
STEPS, LOGGED = 7, {1: [0], 5: [1, 2, 3, 4], 7: [5, 6]}
RATE, WARMUP = 5e-3, 0.3
COMMON = {
    "threads": 1,
    "max_steps": STEPS,
    "learning_rate": RATE,
    "warmup_ratio": WARMUP,
    "checkpoint_every": 100,
}
_OF_SFT = ("loss", "steps", "conversations", "left_out", "at_max_length", "trained_parameters")
_OF_REWARD = (
    "loss", "steps", "train_pairs", "train_comparisons", "held_out_pairs", "overlong_pairs", *HEADLINES,
)  # fmt: skip
# An ensemble is a reward run whose members train one after the other.
MEANS = {"sft": ("loss", "mean_token_accuracy")} | dict.fromkeys(("reward", "ensemble"), ("loss", "accuracy"))
LASTS = {"sft": ("grad_norm", "num_tokens", "epoch", "learning_rate")} | dict.fromkeys(
    ("reward", "ensemble"), ("grad_norm", "epoch", "learning_rate")
)
RESULTS = {"sft": _OF_SFT, "reward": _OF_REWARD, "ensemble": _OF_REWARD}
OF_SOURCES = {"sources"}  # tests/rlhf/stages/test_reward_sources.py


@dataclass
class Run:
    """A run, and its weights before each step; what its figures ought to be, step by step and in the end."""

    folder: Path
    metrics: dict[str, float] = field(default_factory=dict)
    before: list[Path] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)
    result: dict[str, float] = field(default_factory=dict)

    @property
    def logged(self) -> dict[int, list[int]]:
        """The places of the steps that each logged step tells of, one training after the other."""
        return {
            first + step: [first + place for place in places]
            for first in range(0, len(self.before), STEPS)
            for step, places in LOGGED.items()
        }

    def expected(self, name: str, stage: str) -> list[float]:
        if name in LASTS[stage]:
            return [self.steps[places[-1]][name] for places in self.logged.values()]
        return [sum(self.steps[i][name] for i in places) / len(places) for places in self.logged.values()]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return progress_of(self.folder)


def train(folder: Path, stage: Any, recipe: Any) -> Run:
    """A run whose trainable weights are kept before every step."""
    directory = create_run(folder / "run", recipe)
    directory.open()
    directory.recipe()
    seen = Run(folder / "run")
    step: Callable[..., Any] = Trainer.training_step

    def noted(trainer: Any, model: Any, inputs: dict[str, Any], *rest: Any) -> Any:
        place = folder / f"before-{len(seen.before)}"
        trainer.model.save_pretrained(place)
        seen.before.append(place)
        seen.inputs.append(dict(inputs))
        return step(trainer, model, inputs, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "training_step", noted)
        seen.metrics = stage.run(directory, recipe)
    return seen


def rate_after(steps: int) -> float:
    """The rate of the step after so many: up in a line, then down as half a cosine."""
    warm = math.ceil(STEPS * WARMUP)
    if steps < warm:
        return RATE * steps / warm
    return RATE * 0.5 * (1 + math.cos(math.pi * (steps - warm) / (STEPS - warm)))


def norm_of(parameters: list[Any]) -> float:
    return math.sqrt(sum(float(each.grad.square().sum()) for each in parameters if each.grad is not None))


# Supervised fine-tuning

# The second question alone is as long as anything may be, the first with its answer is longer.
LONG = [conversation(QUESTIONS[0], GOOD * 30), conversation(QUESTIONS[0] * 30, GOOD)]
TALKS = [conversation(q, a) for q, a in zip(QUESTIONS[:5], (GOOD, BAD, GOOD, BAD, GOOD), strict=True)] + LONG
LONGEST = 60


@pytest.fixture(scope="module")
def sft_run(qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("sft")
    talks = [{"messages": talk} for talk in TALKS]
    data = DatasetFile(**write_rows(folder / "talks.jsonl", talks))
    recipe = SFTRecipe(base_model=str(qwen3), dataset=data, batch_size=3, max_length=LONGEST, **COMMON)
    run = train(folder, sft, recipe)
    tokens = 0
    for number, (place, inputs) in enumerate(zip(run.before, run.inputs, strict=True), start=1):
        model: Any = AutoModelForCausalLM.from_pretrained(qwen3, dtype=torch.float64).eval()
        model.get_input_embeddings().padding_idx = None  # it is EOS, which is learned as any other token
        model.load_state_dict(load_file(place / "model.safetensors"), strict=False)  # the head is tied
        rows = [
            ids[mask.bool()].tolist()
            for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
        ]
        tokens += sum(map(len, rows))
        figures = of_conversations(model, rows, load_tokenizer(str(qwen3)))
        run.steps.append(figures | {
            "num_tokens": tokens, "epoch": number / 2, "learning_rate": rate_after(number - 1),
        })  # fmt: skip
    weights = load_file(run.folder / "output" / "model.safetensors")
    run.result = {
        "loss": run.expected("loss", "sft")[-1],
        "steps": STEPS,
        "conversations": len(TALKS),
        "left_out": 1,
        "at_max_length": 1,
        "trained_parameters": sum(each.numel() for each in weights.values()),
    }
    return run


def of_conversations(model: Any, rows: Sequence[list[int]], tokenizer: Any) -> dict[str, float]:
    """The figures of a step: all are means over the tokens of the answers."""
    begins = tokenizer("<|im_start|>assistant\n", add_special_tokens=False).input_ids
    lost, right = [], []
    for ids in rows:
        start = len(ids) - ids[::-1].index(begins[0]) - 1 + len(begins)
        logprobs_of = model(input_ids=torch.tensor([ids])).logits[0, start - 1 : -1].log_softmax(-1)
        for logprobs, token in zip(logprobs_of, ids[start:], strict=True):
            lost.append(-logprobs[token])
            right.append(int(logprobs.argmax()) == token)
    loss = torch.stack(lost).mean()
    loss.backward()
    return {
        "loss": float(loss.detach()),
        "mean_token_accuracy": sum(right) / len(right),
        "grad_norm": norm_of(list(model.parameters())),
    }


# The reward model

MAYBE, ALIKE = "Perhaps.", "Yes, quite so!"
Pair = tuple[str, str, str, float, float]  # thing, chosen, rejected, weight, probability
LEARNED: list[Pair] = [
    ("rain", GOOD, BAD, 1.0, 1.0), ("rain", GOOD, MAYBE, 0.5, 0.9), ("rain", MAYBE, BAD, 2.0, 1.0),
    ("ice", BAD, GOOD, 1.0, 0.8), ("coal", GOOD, BAD, 1.0, 0.5), ("wind", GOOD, MAYBE, 1.0, 1.0),
]  # fmt: skip
HELD_OUT: list[Pair] = [
    ("fog", GOOD, BAD, 1.0, 1.0), ("fog", BAD, GOOD, 1.0, 1.0), ("fog", GOOD, ALIKE, 1.0, 1.0),
    ("moss", GOOD, BAD, 1.0, 1.0), ("moss", ALIKE, GOOD, 1.0, 1.0), ("moss", GOOD, GOOD * 3, 1.0, 1.0),
]  # fmt: skip
OVERLONG: Pair = ("peat", GOOD * 60, BAD, 1.0, 1.0)
SMOOTHING, CENTRING = 0.1, 0.05
MEMBERS = 2


def row_of(pair: Pair, split: str) -> dict[str, Any]:
    thing, chosen, rejected, weight, probability = pair
    talk = conversation(f"Is {thing} good?", chosen)
    return {
        "prompt": talk[:1], "chosen": talk[1:], "rejected": [{"role": "assistant", "content": rejected}],
        "prompt_id": thing, "comparison_id": thing, "weight": weight, "probability": probability,
        "split": split,
    }  # fmt: skip


class Scorer:
    """Scores of answers by an adapter, or the mean of several, in float64."""

    def __init__(self, base: Path, *adapters: Path) -> None:
        self.members = [ExactReward(base, adapter) for adapter in adapters]
        self.tokenizer = load_tokenizer(str(base))

    def tokens(self, thing: str, answer: str) -> list[int]:
        return encode_conversation(self.tokenizer, conversation(f"Is {thing} good?", answer))

    def score(self, thing: str, answer: str) -> Any:
        ids = self.tokens(thing, answer)
        return sum(member.score(ids) for member in self.members) / len(self.members)

    def margins(self, pairs: Sequence[Pair]) -> list[Any]:
        return [self.score(thing, one) - self.score(thing, other) for thing, one, other, *_ in pairs]


def train_reward(base: Path, folder: Path, **changes: Any) -> Run:
    rows = [row_of(pair, "train") for pair in [*LEARNED, OVERLONG]]
    rows += [row_of(pair, "held_out") for pair in HELD_OUT]
    data = DatasetFile(**write_rows(folder / "pairs.jsonl", rows))
    recipe = RewardRecipe(
        base_model=str(base), dataset=data, batch_size=32, min_pairs=1, lora_r=4,
        label_smoothing=SMOOTHING, center_rewards=CENTRING, **COMMON, **changes,
    )  # fmt: skip
    run = train(folder, reward, recipe)
    run.result = {
        "train_pairs": len(LEARNED),
        "train_comparisons": len({thing for thing, *_ in LEARNED}),
        "held_out_pairs": len(HELD_OUT),
        "overlong_pairs": 1,
    }
    return run


def steps_of(base: Path, places: Sequence[Path], pairs: Sequence[Pair]) -> list[dict[str, float]]:
    """The figures of a training's steps, by the weights before each of them."""
    return [
        of_comparisons(Scorer(base, place), pairs)
        | {"epoch": number / STEPS, "learning_rate": rate_after(number - 1)}
        for number, place in enumerate(places, start=1)
    ]


@pytest.fixture(scope="module")
def reward_run(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = train_reward(llama, tmp_path_factory.mktemp("reward-metrics"))
    run.steps = steps_of(llama, run.before, LEARNED)
    run.result |= {"loss": run.expected("loss", "reward")[-1], "steps": STEPS}
    run.result |= on_held_out(Scorer(llama, run.folder / "output"))
    return run


@pytest.fixture(scope="module")
def ensemble_run(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = train_reward(llama, tmp_path_factory.mktemp("ensemble-metrics"), ensemble_size=MEMBERS)
    folders = [run.folder / "output" / f"member-{number}" for number in range(MEMBERS)]
    left_out = [of_report(folder)["training"]["left_out_prompts"] for folder in folders]
    assert sorted(thing for each in left_out for thing in each) == sorted({thing for thing, *_ in LEARNED})
    for number, things in enumerate(left_out):
        places = run.before[number * STEPS : (number + 1) * STEPS]
        run.steps += steps_of(llama, places, [pair for pair in LEARNED if pair[0] not in things])
    lines = len(LOGGED)
    losses = run.expected("loss", "ensemble")[lines - 1 :: lines]  # the last of each member
    run.result |= {"loss": sum(losses) / MEMBERS, "steps": MEMBERS * STEPS}
    run.result |= on_held_out(Scorer(llama, *folders))
    return run


def of_report(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def of_comparisons(scorer: Scorer, pairs: Sequence[Pair]) -> dict[str, float]:
    """The figures of a step, which holds all these pairs."""
    weights = sum(weight for *_, weight, _ in pairs) / len(pairs)
    loss: Any = 0.0
    right = []
    for (*_, weight, probability), margin in zip(pairs, scorer.margins(pairs), strict=True):
        p = probability * (1 - SMOOTHING) + SMOOTHING / 2
        cross_entropy = -p * logsigmoid(margin) - (1 - p) * logsigmoid(-margin)
        loss = loss + weight / weights * cross_entropy / len(pairs)
        if probability != 0.5:
            right.append(float(margin.detach()) > 0)
    things = sorted({thing for thing, *_ in pairs})
    for thing in things:
        answers = sorted({answer for name, *both, _, _ in pairs if name == thing for answer in both})
        total = sum(scorer.score(thing, answer) for answer in answers)
        loss = loss + CENTRING * (2 * total / len(answers)) ** 2 / len(things)
    loss.backward()
    learned = [each for each in scorer.members[0].model.parameters() if each.requires_grad]
    return {"loss": float(loss.detach()), "accuracy": sum(right) / len(right), "grad_norm": norm_of(learned)}


def on_held_out(scorer: Scorer) -> dict[str, float]:
    things = [thing for thing, *_ in HELD_OUT]
    margins = [float(margin.detach()) for margin in scorer.margins(HELD_OUT)]
    right = {
        thing: [m > 0 for name, m in zip(things, margins, strict=True) if name == thing] for thing in things
    }
    shares = [sum(each) / len(each) for each in right.values()]
    scaled = [
        margin / best_temperature([m for other, m in zip(things, margins, strict=True) if other != thing])
        for thing, margin in zip(things, margins, strict=True)
    ]
    matched = []
    for (thing, one, other, *_), margin in zip(HELD_OUT, margins, strict=True):
        sizes = sorted((len(scorer.tokens(thing, one)), len(scorer.tokens(thing, other))))
        if sizes[1] - sizes[0] <= 0.1 * sizes[1]:
            matched.append(margin > 0)
    assert 0 < len(matched) < len(HELD_OUT)
    return {
        "accuracy": sum(margin > 0 for margin in margins) / len(margins),
        # Of two prompts a bootstrap draws the same one twice half of the time.
        "accuracy_low": min(shares),
        "accuracy_high": max(shares),
        "log_loss": log_loss(margins),
        "calibration_error": calibration_error(margins, margins),
        "calibration_error_scaled": calibration_error(scaled, margins),
        "temperature": best_temperature(margins),
        "length_matched_accuracy": sum(matched) / len(matched),
        "length_correlation": length_correlation(scorer),
    }


def log_loss(margins: Sequence[float]) -> float:
    return sum(math.log(1 + math.exp(-margin)) for margin in margins) / len(margins)


def best_temperature(margins: Sequence[float]) -> float:
    """By cutting an interval in three, over and over: the log loss has one valley."""
    low, high = math.log(0.01), math.log(100)
    for _ in range(100):
        one, other = low + (high - low) / 3, high - (high - low) / 3
        if log_loss([m / math.exp(one) for m in margins]) < log_loss([m / math.exp(other) for m in margins]):
            high = other
        else:
            low = one
    return math.exp(low)


def calibration_error(margins: Sequence[float], order: Sequence[float]) -> float:
    bins: dict[int, list[float]] = {}
    for margin, sign in zip(margins, order, strict=True):
        confidence = 1 / (1 + math.exp(-abs(margin)))
        bins.setdefault(min(int((confidence - 0.5) / 0.05), 9), []).append((sign > 0) - confidence)
    return sum(abs(sum(gaps)) for gaps in bins.values()) / len(margins)


def length_correlation(scorer: Scorer) -> float:
    points = []
    for thing in ("fog", "moss"):
        answers = sorted({answer for name, *both, _, _ in HELD_OUT if name == thing for answer in both})
        known = [(float(scorer.score(thing, a).detach()), len(scorer.tokens(thing, a))) for a in answers]
        means = [sum(column) / len(known) for column in zip(*known, strict=True)]
        points += [(score - means[0], size - means[1]) for score, size in known]
    both = sum(x * y for x, y in points)
    return both / math.sqrt(sum(x * x for x, _ in points) * sum(y * y for _, y in points))


@pytest.mark.parametrize(
    ("stage", "name"), [(stage, name) for stage in MEANS for name in MEANS[stage] + LASTS[stage]]
)
def test_a_line_of_progress_tells_of_the_steps_since_the_last_one(
    stage: str, name: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(f"{stage}_run")
    assert [(line["step"], line["total"]) for line in run.lines] == [
        (step, len(run.before)) for step in run.logged
    ]
    reported = [line["metrics"][name] for line in run.lines]
    assert reported == pytest.approx(run.expected(name, stage), rel=2e-3, abs=1e-6)


@pytest.mark.parametrize(("stage", "name"), [(stage, name) for stage in RESULTS for name in RESULTS[stage]])
def test_the_result_tells_of_the_whole_run(stage: str, name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(f"{stage}_run")
    assert run.metrics[name] == pytest.approx(run.result[name], rel=2e-3, abs=1e-4)


@pytest.mark.parametrize("stage", RESULTS)
def test_no_metric_is_logged_whose_meaning_is_not_tested(stage: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(f"{stage}_run")
    assert all(set(line["metrics"]) == {*MEANS[stage], *LASTS[stage]} for line in run.lines)
    assert set(run.metrics) - OF_SOURCES == set(RESULTS[stage])


def test_the_spread_of_an_ensemble_is_the_variance_of_its_members_scores(
    ensemble_run: Run, llama: Path
) -> None:
    scorers = [Scorer(llama, ensemble_run.folder / "output" / f"member-{i}") for i in range(MEMBERS)]
    answers = [(thing, answer) for thing, *both, _, _ in HELD_OUT for answer in both]
    variances = [variance([float(each.score(*answer).detach()) for each in scorers]) for answer in answers]
    reported = of_report(ensemble_run.folder / "output")["reward_variance"]
    assert reported == pytest.approx(sum(variances) / len(variances), rel=2e-3)
