"""Every figure that evaluate and generate give is what its name says, by a slow computation in float64."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.rlhf.exact import ExactPolicy, ExactReward, Ids
from tests.rlhf.making import BAD, PROMPTS, with_policy, write_rows
from training.rlhf.data.files import Prompt
from training.rlhf.model.loading import load_tokenizer
from training.rlhf.model.sampling import Answer
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import create_run
from training.rlhf.stages.evaluate import phrases, safety, watches
from training.rlhf.stages.evaluate import stage as evaluate
from training.rlhf.stages.evaluate.phrases import Phrases
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe
from training.rlhf.stages.evaluate.safety import BENIGN, SafetyCheck, safety_prompts
from training.rlhf.stages.generate import stage as generate
from training.rlhf.stages.generate.recipe import GenerateRecipe

# One worker makes the runs, once for all tests.
pytestmark = pytest.mark.xdist_group("evaluate-metrics")

REFUSAL = BAD.split(" at")[0].casefold()  # the base has no other way to decline
SAMPLES, REPEATED = 3, 1
VERSION = (
    "score", "length", "ended_length", "repetition", "distinct", "refusals", "eos_rate", "unsafe",
    "over_refusals",
)  # fmt: skip
COUNTS = (
    "prompts", "overlong_prompts", "wins", "ties", "losses", "win_rate_decided", "win_rate_ties_half",
    "judge_contradictions",
    "judge_unreadable", "judge_undecided", "score_gain", "kl", "length_ratio", "safety_judge_accuracy",
    *(f"baseline_{name}" for name in VERSION), *(f"candidate_{name}" for name in VERSION),
)  # fmt: skip
INTERVALS = ("win_rate_low", "win_rate_high", "win_rate_ties_half_low", "win_rate_ties_half_high")
# What was crossed is tested in test_watches, and that a run tells it in test_evaluate.
WORDS = {"judge": "reward model", "safety_judge": "a judge", "watches": None}


@dataclass
class Run:
    """What a stage returned, and the answers that it drew, with their prompts."""

    adapter: Path
    metrics: dict[str, Any] = field(default_factory=dict)
    drawn: list[list[tuple[Ids, Answer]]] = field(default_factory=list)


@pytest.fixture(scope="module")
def version(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version that answers in its own way."""
    folder = tmp_path_factory.mktemp("version")
    with_policy(llama).save("policy", folder)
    return folder


def run_stage(folder: Path, stage: Any, recipe: Any, adapter: Path) -> Run:
    directory = create_run(folder / "run", recipe)
    directory.open()
    seen, draw = Run(adapter), stage.sample

    def noted(model: Any, prompts: list[Ids], *how: Any, **settings: Any) -> list[Answer]:
        answers = draw(model, prompts, *how, **settings)
        seen.drawn.append(list(zip(prompts, answers, strict=True)))
        return answers

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "sample", noted)
        (folder / "refusals").mkdir()
        (folder / "refusals/en.txt").write_text(f"{REFUSAL}\n")
        # Answers as short as these repeat no four tokens.
        patch.setattr(watches, "REPEATED_N", REPEATED)
        patch.setattr(phrases, "_refusals", lambda: Phrases(folder / "refusals"))
        patch.setattr(
            safety, "make_safety_check", lambda *_, **__: SafetyCheck("a judge", suspects, accuracy=0.75)
        )
        seen.metrics = stage.run(directory, recipe)
    return seen


def suspects(texts: Sequence[str]) -> list[bool]:
    return ["o" in text for text in texts]


def shared(llama: Path, folder: Path) -> dict[str, Any]:
    data = DatasetFile(**write_rows(folder / "prompts.jsonl", PROMPTS))
    return {"base_model": str(llama), "dataset": data, "threads": 1, "batch_size": 7, "seed": 3}


@pytest.fixture(scope="module")
def compared(llama: Path, reward: Path, version: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("evaluate-metrics")
    recipe = EvaluateRecipe(
        **shared(llama, folder), candidate_adapter=str(version), reward_adapter=str(reward),
        samples_per_prompt=SAMPLES, max_new_tokens=14, temperature=1.0,
    )  # fmt: skip
    return run_stage(folder, evaluate, recipe, version)


class Reckoning:
    """The same figures by their definitions."""

    def __init__(self, run: Run, llama: Path, reward: Path) -> None:
        self.tokenizer = load_tokenizer(str(llama))
        self.judge, policy = ExactReward(llama, reward), ExactPolicy(llama)
        baseline, candidate, *safe = run.drawn
        pairs = list(zip(baseline, candidate, strict=True))
        self.outcomes = np.array([self.outcome(*pair) for pair in pairs]).reshape(len(PROMPTS), SAMPLES)
        wins, losses = (int((self.outcomes == which).sum()) for which in (1.0, 0.0))
        kl = [
            policy.logprobs(run.adapter, prompt, answer.tokens) - policy.logprobs(None, prompt, answer.tokens)
            for prompt, answer in candidate
        ]
        self.figures: dict[str, float] = {
            "prompts": len(PROMPTS),
            "overlong_prompts": 0,
            "wins": wins,
            "losses": losses,
            "ties": self.outcomes.size - wins - losses,
            "win_rate_decided": wins / (wins + losses),
            "win_rate_ties_half": float(self.outcomes.mean()),
            # A reward model contradicts itself in nothing; what an endpoint does is in test_judging.
            "judge_contradictions": 0,
            "judge_unreadable": 0,
            "judge_undecided": 0,
            "kl": mean([float(each.sum()) for each in kl]),
            "safety_judge_accuracy": 0.75,
        }
        for name, answers, asked in zip(("baseline", "candidate"), (baseline, candidate), safe, strict=True):
            profile = self.profile(answers) | self.safety(asked)
            self.figures |= {f"{name}_{key}": value for key, value in profile.items()}
        scores = [self.score(*each) for each in baseline]
        gain = self.figures["candidate_score"] - self.figures["baseline_score"]
        self.figures["score_gain"] = gain / float(np.std(scores))
        lengths = [self.figures[f"{version}_ended_length"] for version in ("candidate", "baseline")]
        self.figures["length_ratio"] = lengths[0] / lengths[1]

    def outcome(self, baseline: tuple[Ids, Answer], candidate: tuple[Ids, Answer]) -> float:
        if self.text(baseline[1]) == self.text(candidate[1]):
            return 0.5
        return float(self.score(*candidate) > self.score(*baseline))

    def score(self, prompt: Ids, answer: Answer) -> float:
        tokens_of = [*self.own_tokens(answer), self.tokenizer.eos_token_id]
        ending = self.tokenizer("\n", add_special_tokens=False).input_ids
        return float(self.judge.score(prompt + tokens_of + ending).detach())

    def own_tokens(self, answer: Answer) -> Ids:
        return [token for token in answer.tokens if token != self.tokenizer.eos_token_id]

    def text(self, answer: Answer) -> str:
        return str(self.tokenizer.decode(answer.tokens, skip_special_tokens=True)).strip()

    def profile(self, answers: list[tuple[Ids, Answer]]) -> dict[str, float]:
        tokens_of = [self.own_tokens(answer) for _, answer in answers]
        repeated, varied = [], []
        for tokens in tokens_of:
            found = grams(tokens, REPEATED)
            repeated.append(sum(gram in found[:i] for i, gram in enumerate(found)) / max(len(found), 1))
        for number in range(SAMPLES):
            twos = [gram for tokens in tokens_of[number::SAMPLES] for gram in grams(tokens, 2)]
            varied.append(len(set(twos)) / len(twos))
        is_cut = [len(own) == len(answer.tokens) for own, (_, answer) in zip(tokens_of, answers, strict=True)]
        ended = [len(tokens) for tokens, cut in zip(tokens_of, is_cut, strict=True) if not cut]
        return {
            "score": mean([self.score(*each) for each in answers]),
            "length": mean([len(tokens) for tokens in tokens_of]),
            "ended_length": mean(ended) if ended else 0.0,
            "repetition": mean(repeated),
            "distinct": mean(varied),
            "refusals": mean([declines(self.text(answer)) for _, answer in answers]),
            "eos_rate": len(ended) / len(answers),
        }

    def safety(self, answers: list[tuple[Ids, Answer]]) -> dict[str, float]:
        kinds = [
            each.kind for each in safety_prompts([Prompt("p", PROMPTS[0]["prompt"])]) for _ in range(SAMPLES)
        ]
        texts = [self.text(answer) for _, answer in answers]
        refused = [declines(text) for text in texts]
        unsafe = [
            "o" in text and not no
            for kind, text, no in zip(kinds, texts, refused, strict=True)
            if kind != BENIGN
        ]
        benign = [no for kind, no in zip(kinds, refused, strict=True) if kind == BENIGN]
        return {"unsafe": mean(unsafe), "over_refusals": mean(benign)}

    def intervals(self) -> dict[str, float]:
        """By drawing prompts with other random numbers, so these are near only."""
        rng = np.random.default_rng(99)
        halves, decided = [], []
        for _ in range(4000):
            drawn = self.outcomes[rng.integers(len(PROMPTS), size=len(PROMPTS))]
            halves.append(drawn.mean())
            decided.append(drawn[drawn != 0.5].mean())
        low, high = np.quantile(decided, [0.025, 0.975])
        low_half, high_half = np.quantile(halves, [0.025, 0.975])
        return dict(zip(INTERVALS, map(float, (low, high, low_half, high_half)), strict=True))


def declines(text: str) -> bool:
    return re.search(rf"\b{REFUSAL}\b", text.casefold()) is not None


def grams(tokens: Ids, n: int) -> list[tuple[int, ...]]:
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


@pytest.fixture(scope="module")
def reckoned(compared: Run, llama: Path, reward: Path) -> Reckoning:
    return Reckoning(compared, llama, reward)


@pytest.mark.parametrize("name", COUNTS)
def test_an_evaluation_tells_of_its_answers(name: str, compared: Run, reckoned: Reckoning) -> None:
    assert compared.metrics[name] == pytest.approx(reckoned.figures[name], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", INTERVALS)
def test_an_interval_is_that_of_prompts_drawn_anew(name: str, compared: Run, reckoned: Reckoning) -> None:
    assert compared.metrics[name] == pytest.approx(reckoned.intervals()[name], abs=0.04)


def test_no_metric_is_given_whose_meaning_is_not_tested(compared: Run) -> None:
    assert set(compared.metrics) == {*COUNTS, *INTERVALS, *WORDS}
    assert compared.metrics["judge"] == WORDS["judge"]
    assert compared.metrics["safety_judge"] == WORDS["safety_judge"]


def test_the_evaluation_looked_at_has_something_to_tell(compared: Run) -> None:
    reported = compared.metrics
    assert all(reported[name] > 0 for name in ("wins", "ties", "losses", "kl"))
    for name in ("refusals", "over_refusals", "unsafe", "repetition", "eos_rate", "distinct"):
        both = [reported[f"baseline_{name}"], reported[f"candidate_{name}"]]
        assert both[0] != both[1] and any(0 < value < 1 for value in both), name


def test_a_sampling_tells_of_its_completions(
    llama: Path, version: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("generate-metrics")
    recipe = GenerateRecipe(
        **shared(llama, folder), policy_adapter=str(version), completions_per_prompt=SAMPLES, redraws=0,
        max_new_tokens=14, temperature=1.0,
    )  # fmt: skip
    run = run_stage(folder, generate, recipe, version)
    (answers,) = [[answer for _, answer in each] for each in run.drawn]
    tokenizer = load_tokenizer(str(llama))
    texts = np.array(
        [str(tokenizer.decode(answer.tokens, skip_special_tokens=True)).strip() for answer in answers]
    )
    assert run.metrics == {
        "overlong_prompts": 0,
        "completions": len(PROMPTS) * SAMPLES,
        "repeated": sum(SAMPLES - len(set(each)) for each in texts.reshape(len(PROMPTS), SAMPLES).tolist()),
        "eos_rate": pytest.approx(mean([answer.tokens[-1] == tokenizer.eos_token_id for answer in answers])),
        "response_length": pytest.approx(mean([len(answer.tokens) for answer in answers])),
    }
    assert run.metrics["repeated"] > 0
