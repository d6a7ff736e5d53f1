"""A reward model from preferences, the second step of InstructGPT (Ouyang et al. 2022, equation 1).

    python -m training.rlhf reward RUN_DIR

A LoRA adapter and a linear score head on the frozen base learn from comparisons by TRL's RewardTrainer (see
`trainer`): a completion is encoded once, and all its pairs use its score. Left out: normalising the
reward so that the labelers' demonstrations score 0 on average; `center_rewards` keeps it near zero instead.

Writes to output/ the adapter with its head as peft does, the tokenizer, held_out.jsonl (a line for each
held-out pair: prompt_id, chosen, rejected, chosen_reward, rejected_reward), report.json (see
`report`) and seen_prompts.json (see `data.seen_prompts`). With `ensemble_size` above 1 there are member-0/,
member-1/ …, each as a single one but for seen_prompts.json, which is of all; held_out.jsonl and report.json
beside them are those of the members' mean (Coste et al. 2023). Each member has a seed of its own and leaves
out one fold of the training prompts, named in its report.
"""

import gc
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from training.rlhf.data.seen_prompts import write_seen
from training.rlhf.model.adapters import sort_targets
from training.rlhf.model.base_card import BaseCard
from training.rlhf.model.loading import base_location, load_tokenizer
from training.rlhf.model.reward_head import member_folder
from training.rlhf.rundir import RunDirectory, sync_tree, write_json
from training.rlhf.stages.reward.comparisons import Example, group_comparisons
from training.rlhf.stages.reward.members import Member, plan_members
from training.rlhf.stages.reward.preferences import Examples, read_examples
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.reward.report import HEADLINES, read_scores, write_report
from training.rlhf.stages.reward.sources import Source, as_json, plan_probe, weigh_sources, weighted
from training.rlhf.stages.reward.trainer import load_classifier, make_trainer, score_with
from training.rlhf.stages.trainer import empty_output, train


def run(directory: RunDirectory, recipe: RewardRecipe) -> dict[str, Any]:
    """Train the members and write them with their reports to output/; returns the metrics."""
    location = base_location(directory, recipe)
    tokenizer = load_tokenizer(location)
    examples = read_examples(directory, recipe, tokenizer)
    sources, done = _weigh_sources(directory, recipe, tokenizer, examples)
    learned = weighted(examples.learned, sources)
    members = plan_members(recipe, learned)
    report = _train_members(directory, recipe, members, tokenizer, examples.held_out, done)
    report["sources"] = as_json(sources)
    write_json(directory.output / "report.json", report)
    write_seen(directory.output, [each.seen for each in members])
    BaseCard.of(recipe.base_model, location, tokenizer).write(directory.output)
    return {
        "loss": report["training"]["loss"],
        "steps": report["training"]["steps"],
        "train_pairs": len(learned),
        "train_comparisons": len(group_comparisons(learned, most_pairs=recipe.batch_size)),
        "held_out_pairs": len(examples.held_out),
        "overlong_pairs": examples.overlong,
        **{name: report[name] for name in HEADLINES if name in report},
        "sources": report["sources"],
    }


def _weigh_sources(
    directory: RunDirectory,
    recipe: RewardRecipe,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
) -> tuple[dict[str, Source], int]:
    """The weights of the sources, and the steps that it took to measure them.

    What the model of the desk alone scored is kept for an attempt that goes on after this one.
    """
    probe = plan_probe(recipe, examples)
    if probe is None:
        return weigh_sources(recipe, examples, None, None), 0
    kept, done = directory.checkpoints / "sources.json", len(probe.member.steps)
    if not kept.exists():
        total = done + sum(len(each.steps) for each in plan_members(recipe, examples.learned))
        stage = _Stage(directory, recipe, tokenizer, probe.examples, total=total)
        with tempfile.TemporaryDirectory(prefix="desk.tmp-", dir=directory.checkpoints) as folder:
            stage.train(probe.member, done=0, place=nullcontext(Path(folder)))
            chosen, rejected = read_scores(Path(folder))
        write_json(kept, (chosen - rejected).tolist())
        gc.collect()  # the member holds a base model in a circle of references
    margins = np.array(json.loads(kept.read_text()))
    return weigh_sources(recipe, examples, probe, margins), done


def _train_members(
    directory: RunDirectory,
    recipe: RewardRecipe,
    members: Sequence[Member],
    tokenizer: PreTrainedTokenizerBase,
    held_out: Sequence[Example],
    done: int,
) -> dict[str, Any]:
    """Train those that an earlier attempt has not finished; returns the report of all together.

    `done` steps came before.
    """
    total = done + sum(len(each.steps) for each in members)
    stage = _Stage(directory, recipe, tokenizer, held_out, total=total)
    if len(members) == 1:
        return stage.train(members[0], done=done, place=_output(directory))
    folders = [member_folder(directory.output, number) for number in range(len(members))]
    before = done
    for member, folder in zip(members, folders, strict=True):
        if not folder.exists():
            gc.collect()  # the member before holds a base model in a circle of references
            stage.train(member, done=done, place=_complete_or_absent(directory, folder))
        done += len(member.steps)
    scores = np.array([read_scores(folder) for folder in folders])  # (members, 2, pairs)
    losses = [json.loads((folder / "report.json").read_text())["training"]["loss"] for folder in folders]
    training = {"loss": float(np.mean(losses)), "steps": done - before, "members": len(members)}
    chosen, rejected = scores.mean(axis=0)
    report = write_report(directory.output, held_out, chosen, rejected, seed=recipe.seed, training=training)
    if held_out:
        report["reward_variance"] = float(scores.var(axis=0, ddof=1).mean())
        write_json(directory.output / "report.json", report)
    return report


@dataclass(frozen=True)
class _Stage:
    """What the members of a run share."""

    directory: RunDirectory
    recipe: RewardRecipe
    tokenizer: PreTrainedTokenizerBase
    held_out: Sequence[Example]
    total: int

    def train(self, member: Member, *, done: int, place: AbstractContextManager[Path]) -> dict[str, Any]:
        """Train one member after `done` steps of others and write it to its place; returns its report."""
        torch.manual_seed(member.seed)
        model = load_classifier(
            base_location(self.directory, self.recipe), self.recipe.dtype, self.recipe.device
        )
        trainer = make_trainer(
            self.directory,
            self.recipe,
            model,
            self.tokenizer,
            member.comparisons,
            member.steps,
            member.seed,
        )
        loss = train(trainer, self.directory, done=done, total=self.total)
        reward_model: Any = trainer.model
        chosen, rejected = self._score(reward_model)
        training: dict[str, Any] = {"loss": loss, "steps": len(member.steps), "seed": member.seed}
        if member.left_out:
            training["left_out_prompts"] = member.left_out
        with place as folder:
            reward_model.save_pretrained(folder)
            sort_targets(folder)
            self.tokenizer.save_pretrained(folder)
            return write_report(
                folder, self.held_out, chosen, rejected, seed=self.recipe.seed, training=training
            )

    def _score(self, model: torch.nn.Module) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Scores of the chosen and the rejected answers held out, each distinct one computed once."""
        sides = [[each.chosen_ids for each in self.held_out], [each.rejected_ids for each in self.held_out]]
        sequences = sorted({ids for side in sides for ids in side})
        # A step reads more than batch_size completions, so this takes less memory.
        scores = score_with(
            self.directory, model, sequences, self.tokenizer.pad_token_id, at_once=self.recipe.batch_size
        )
        known = dict(zip(sequences, scores.tolist(), strict=True))
        chosen, rejected = (np.array([known[ids] for ids in side]) for side in sides)
        return chosen, rejected


@contextmanager
def _output(directory: RunDirectory) -> Iterator[Path]:
    yield empty_output(directory)


@contextmanager
def _complete_or_absent(directory: RunDirectory, folder: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name once all of it is on the disk."""
    # Its name and place make the run directory clear it away should the process be killed.
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=directory.checkpoints))
    try:
        yield temporary
        temporary.chmod(0o755)
        sync_tree(temporary)
        temporary.rename(folder)
        sync_tree(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
