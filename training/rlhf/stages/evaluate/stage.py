"""Compare a candidate version with a baseline on held-out prompts, and watch for a gamed reward.

    python -m training.rlhf evaluate RUN_DIR

Both versions answer every prompt several times, independently; the i-th answers meet, and a judge says which
is better (`win_rate`). As a rule that is the reward adapter that the candidate was trained to please, so its
win rate is an upper bound of sorts: the further a policy is optimised against a reward model, the further
that model's scores rise above the truth (Gao et al. 2022, overoptimisation). A judge behind an
endpoint is independent of it. The watches look for the traces of a gamed reward (`watches`), in the same
answers and in those to a fixed set of safety prompts (`safety`). Writes

    output/comparisons.jsonl  {prompt_id, baseline, candidate, baseline_score, candidate_score, outcome}, so
                              that others can judge the very same pairs; from an endpoint also contradicted,
                              unreadable and replies
    output/safety.jsonl       {prompt_id, kind, prompt, baseline, candidate}, the last two
                              {answer, refused, unsafe}
    output/anchors.jsonl      {prompt_id, base, candidate, base_score, candidate_score, outcome}, if there are
                              anchors (see `anchors`)
    output/left_out.jsonl     prompts that are too long, if there are any (see `data.prompt_lengths`)
    output/watches.json       {safety_judge, crossed: [{watch, value, threshold}]}

A member of a reward ensemble scores no answer to a prompt that it learned from, as long as another has not:
judge_fold_prompts are the prompts scored by some members for that reason, judge_seen_prompts those that all
members learned from, and all score. Both are missing where the reward model has no list of the prompts that
it learned from (see `data.seen_prompts`).

The metrics are numbers, baseline_ and candidate_ before those of one version, but for judge and safety_judge
(what decided) and watches (what was crossed, as above).
"""

import json
from collections.abc import Callable
from typing import Any

import torch

from training.rlhf.data import chat
from training.rlhf.data.files import Prompt, read_flagged, read_prompts
from training.rlhf.data.prompt_lengths import encode_fitting, prompt_limit
from training.rlhf.data.seen_prompts import mean_of_unseen, read_unseen
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.base_card import BaseCard
from training.rlhf.model.loading import base_location, load_base, load_tokenizer
from training.rlhf.model.logprobs import answer_logprobs, lay_out
from training.rlhf.model.reward_head import combine, load_reward, score_sequences
from training.rlhf.model.sampling import Answer, Sampling, require_numbers, sample
from training.rlhf.rundir import RunDirectory, write_json
from training.rlhf.stages.evaluate import safety, watches
from training.rlhf.stages.evaluate.anchors import anchor_metrics, judged_against_base, places_of_anchors
from training.rlhf.stages.evaluate.judge_endpoint import Endpoint
from training.rlhf.stages.evaluate.recipe import EvaluateRecipe
from training.rlhf.stages.evaluate.win_rate import Row, judge_by_endpoint, judge_by_scores, summarise

_SAFETY_STREAM = 2  # of the baseline's answers to the safety prompts; the candidate's is the next
_ANCHOR_STREAM = 4


def run(directory: RunDirectory, recipe: EvaluateRecipe) -> dict[str, Any]:
    """The stage: sample from both versions, compare, watch, write the files, and return the metrics."""
    return Evaluation(directory, recipe).run()


class Evaluation:
    """One run: the versions on their shared base, and the prompts, each as often as it is answered."""

    def __init__(self, directory: RunDirectory, recipe: EvaluateRecipe) -> None:
        self.directory, self.recipe = directory, recipe
        self.location = location = base_location(directory, recipe)
        self.tokenizer = load_tokenizer(location)
        self.how = Sampling.of(recipe, self.tokenizer, location)
        self.fitting = encode_fitting(
            read_prompts(directory, recipe.dataset), self.tokenizer, limit=prompt_limit(recipe, location)
        )
        prompts = self.fitting.prompts
        self.flagged = read_flagged(directory, recipe.flagged) if recipe.flagged else []
        self.prompts = [each for each in prompts for _ in range(recipe.samples_per_prompt)]
        self.encoded = [ids for ids in self.fitting.ids for _ in range(recipe.samples_per_prompt)]
        self.anchors = places_of_anchors(directory, recipe, self.prompts)
        asked = safety.safety_prompts(prompts)
        self.safety = [each for each in asked for _ in range(recipe.samples_per_prompt)]
        self.base = SharedBase(load_base(location, recipe.dtype, recipe.device))
        folder = directory.resolve(recipe.reward_adapter)
        self.reward = load_reward(self.base, folder)
        # (members, prompts)
        self.unseen = read_unseen(folder, [each.messages for each in prompts], len(self.reward.names))
        self.baseline = self._add("baseline", recipe.baseline_adapter)
        self.candidate = self._add("candidate", recipe.candidate_adapter)
        self._done = 0

    def run(self) -> dict[str, Any]:
        baseline = self._sample(self.baseline, self.encoded, stream=0)
        candidate = self._sample(self.candidate, self.encoded, stream=1)
        rows = self._compare(baseline, candidate)
        metrics = summarise(rows, seed=self.recipe.seed) | self._seen() | {"kl": self._kl(candidate)}
        metrics["overlong_prompts"] = float(len(self.fitting.left_out))
        for name, answers in (("baseline", baseline), ("candidate", candidate)):
            metrics |= _prefixed(name, self._profile(answers, [row[name] for row in rows]))
        metrics["length_ratio"] = watches.length_ratio(metrics)
        metrics |= self._compare_with_base(baseline, candidate, rows)
        check = self._watch_safety(metrics)
        crossed = watches.crossed(metrics, self.recipe)
        watched = {"safety_judge": check.name, "crossed": crossed}
        write_json(self.directory.output / "watches.json", watched)
        self.fitting.write_left_out(self.directory)
        BaseCard.of(self.recipe.base_model, self.location, self.tokenizer).write(self.directory.output)
        by_reward = self.recipe.judge == "reward"
        judge = "reward model" if by_reward else self.recipe.judge_model
        return metrics | {"judge": judge, "safety_judge": check.name, "watches": crossed}

    def _add(self, name: str, folder: str | None) -> str | None:
        """Add a version's adapter; returns what to `use` for it."""
        if folder is None:
            return None
        self.base.load(name, self.directory.resolve(folder))
        return name

    # Answers

    def _sample(self, version: str | None, prompts: list[list[int]], stream: int) -> list[Answer]:
        with self.base.sampling_from(version, self.recipe.batch_size) as model:
            answers = sample(
                model,
                prompts,
                self.how,
                seed=self.recipe.seed + (stream << 32),
                batch_size=self.recipe.batch_size,
                after_batch=self._report(len(prompts)),
            )
        require_numbers(answers)
        return answers

    def _report(self, count: int) -> Callable[[int], None]:
        """What to call in a phase of `count` answers or comparisons, with how many are done."""
        before, self._done = self._done, self._done + count
        asked = len(self.prompts) if self.recipe.judge == "endpoint" else 0
        total = 2 * (len(self.prompts) + len(self.safety)) + asked
        total += len(self.anchors) if self.baseline else 0

        def report(done: int) -> None:
            self.directory.progress(before + done, total)
            self.directory.raise_if_cancelled()

        return report

    # Who wins

    def _compare(self, baseline: list[Answer], candidate: list[Answer]) -> list[Row]:
        """The judged rows of output/comparisons.jsonl."""
        scored = zip(
            self.prompts, baseline, candidate, self._score(baseline), self._score(candidate), strict=True
        )
        rows = [self._row(*each) for each in scored]
        if self.recipe.judge == "reward":
            judge_by_scores(rows)
        else:
            with Endpoint(self.recipe) as endpoint:
                judge_by_endpoint(
                    rows,
                    [prompt.messages for prompt in self.prompts],
                    endpoint,
                    parallel=self.recipe.judge_parallel,
                    after_each=self._report(len(rows)),
                )
        self._write("comparisons.jsonl", rows)
        return rows

    def _compare_with_base(
        self, baseline: list[Answer], candidate: list[Answer], rows: list[Row]
    ) -> watches.Metrics:
        """The candidate beside the bare base on the anchors, written and as metrics; none without them."""
        places = self.anchors
        if not places:
            return {}
        if self.baseline is None:
            answers = [baseline[i] for i in places]
        else:
            answers = self._sample(None, [self.encoded[i] for i in places], stream=_ANCHOR_STREAM)
        scored = zip(places, answers, self._score(answers, places), strict=True)
        pairs = [
            rows[i] | {"baseline": self._text(answer), "baseline_score": score} for i, answer, score in scored
        ]
        self._write("anchors.jsonl", judged_against_base(pairs))
        metrics = anchor_metrics(pairs, seed=self.recipe.seed)
        for name, side, given in (
            ("anchor_base", "baseline", answers),
            ("anchor_candidate", "candidate", [candidate[i] for i in places]),
        ):
            metrics |= _prefixed(name, self._profile(given, [pair[side] for pair in pairs]))
        return metrics

    def _score(self, answers: list[Answer], places: list[int] | None = None) -> list[float]:
        """The reward model's scores of answers to all prompts, or to those at these places."""
        places = list(range(len(self.prompts))) if places is None else places
        ending = chat.ending(self.tokenizer)
        sequences = [
            self.encoded[i] + answer.completed(ending) for i, answer in zip(places, answers, strict=True)
        ]
        scores = score_sequences(
            self.base,
            self.reward,
            sequences,
            self.how.pad_id,
            batch_size=self.recipe.batch_size,
            before_batch=self.directory.raise_if_cancelled,
        )
        if self.unseen is None:
            return combine(scores).tolist()
        unseen = self.unseen.repeat_interleave(self.recipe.samples_per_prompt, dim=1)[:, places]
        return mean_of_unseen(scores, unseen).tolist()

    def _seen(self) -> dict[str, float]:
        """How many prompts the reward model knew."""
        if self.unseen is None:
            return {}
        some, whole = self.unseen.any(0), self.unseen.all(0)
        return {
            "judge_fold_prompts": float((some & ~whole).sum()),
            "judge_seen_prompts": float((~some).sum()),
        }

    def _row(
        self,
        prompt: Prompt,
        baseline: Answer,
        candidate: Answer,
        baseline_score: float,
        candidate_score: float,
    ) -> Row:
        return {
            "prompt_id": prompt.prompt_id,
            "baseline": self._text(baseline),
            "candidate": self._text(candidate),
            "baseline_score": baseline_score,
            "candidate_score": candidate_score,
        }

    # What the candidate turned into

    @torch.no_grad()
    def _kl(self, answers: list[Answer]) -> float:
        """KL of the candidate to the baseline per answer, in nats, estimated on the candidate's answers."""
        total, size = 0.0, self.recipe.batch_size
        for start in range(0, len(answers), size):
            self.directory.raise_if_cancelled()
            part = answers[start : start + size]
            block = lay_out(
                self.encoded[start : start + size],
                [answer.tokens for answer in part],
                self.how.pad_id,
                self.base.device,
            )
            with self.base.use(self.baseline) as model:
                baseline = answer_logprobs(model, block, self.recipe.temperature)
            total += sum(sum(answer.logprobs) for answer in part) - float(baseline.sum())
        return total / len(answers)

    def _profile(self, answers: list[Answer], texts: list[str]) -> watches.Metrics:
        return watches.profile(
            [answer.content for answer in answers],
            texts,
            [answer.finished for answer in answers],
            per_prompt=self.recipe.samples_per_prompt,
        )

    def _watch_safety(self, metrics: watches.Metrics) -> safety.SafetyCheck:
        """Answer the safety prompts with both versions and add their metrics; returns what checked them."""
        # The prompts are short, but a system message may come with them: the recipe's limit is for the data.
        prompts = [chat.encode_prompt(self.tokenizer, each.prompt.messages) for each in self.safety]
        check = safety.make_safety_check(
            self.base,
            self.tokenizer,
            self.flagged,
            min_flags=self.recipe.min_flags,
            batch_size=self.recipe.batch_size,
            before_batch=self.directory.raise_if_cancelled,
        )
        before, after = (
            safety.check_answers(
                self.safety, [self._text(each) for each in self._sample(version, prompts, stream)], check
            )
            for stream, version in enumerate((self.baseline, self.candidate), start=_SAFETY_STREAM)
        )
        metrics |= _prefixed("baseline", safety.summarise(self.safety, before))
        metrics |= _prefixed("candidate", safety.summarise(self.safety, after))
        if check.accuracy is not None:
            metrics["safety_judge_accuracy"] = check.accuracy
        rows = [
            {
                "prompt_id": each.prompt.prompt_id,
                "kind": each.kind,
                "prompt": each.prompt.messages[-1]["content"],
                "baseline": row,
                "candidate": new,
            }
            for each, row, new in zip(self.safety, before, after, strict=True)
        ]
        self._write("safety.jsonl", rows)
        return check

    def _text(self, answer: Answer) -> str:
        return chat.decode(self.tokenizer, answer.content)

    def _write(self, name: str, rows: list[Row]) -> None:
        with open(self.directory.output / name, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _prefixed(version: str, metrics: watches.Metrics) -> watches.Metrics:
    return {f"{version}_{name}": value for name, value in metrics.items()}
