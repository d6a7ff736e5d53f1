"""Critics for PPO: how much of the returns each foretells, what comes of it, and what it costs.

    make bench-critic
    python -m benchmarks.critic --seeds 0 1 2 --critics head trunk

The starter follows a reward model made of simulated volunteers' rankings, by the recipe's defaults but for a
smaller batch, with one of

- head: the engine's own, a linear head on the hidden states of the frozen reward adapter, which says at
  first what the reward's own head says
- blank: the same, which starts at zero
- adapter: the engine's head on an adapter of its own, a copy of the reward adapter that learns too
- trunk: a linear head on the policy's own hidden states, which starts at zero; a tenth of its loss goes into
  the policy adapter, as in Ziegler et al. 2019 and in TRL's trainer before PPOTrainer had a critic of its own

Runs with the same seed differ in nothing else, and each is a process of its own. Explained variance, score,
KL and reward are the engine's metrics; accurate is the share of true answers to held-out questions by the
gold labels. Seconds are the processor's, on one thread. Prints a table and writes build/bench/critic.json.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median, stdev
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from benchmarks.processes import ROOT, run
from benchmarks.reward.preferences import demonstration
from benchmarks.task import CORPUS, starter
from training.rlhf import __main__ as engine
from training.rlhf.data import chat
from training.rlhf.data.files import Prompt
from training.rlhf.distributed.processes import Processes
from training.rlhf.model.adapters import SharedBase
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.model.logprobs import Block
from training.rlhf.model.reward_head import ScalarHead, last_hidden_states
from training.rlhf.model.sampling import Sampling, sample
from training.rlhf.recipes import DatasetFile
from training.rlhf.rundir import RunDirectory, create_run, dataset_file, write_json, write_text
from training.rlhf.stages.ppo import stage as ppo
from training.rlhf.stages.ppo.learner import Learner
from training.rlhf.stages.ppo.losses import PolicyLoss, value_loss
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.ppo.rollout import Experience
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.starter.corpus import load_corpus
from training.starter.gold import GoldLabels

RESULTS = ROOT / "build/bench/critic.json"
WINDOWS = ((1, 5), (6, 10), (11, 20), (21, 40))  # iterations over which explained variance is averaged
SHOWN = ("normalised_score", "kl", "reward")
PHASES = ("rollout_seconds", "scoring_seconds", "update_seconds", "seconds")
_LAST = 10  # iterations whose mean says how a run ended
_TRUNK_SHARE = 0.1
_FAR = 1e9  # a KL that no run reaches

Figures = dict[str, Any]


# The critics


def states_before(model: PreTrainedModel, block: Block) -> Tensor:
    """The last hidden state before each answer token, (B, R, H)."""
    return last_hidden_states(model, block.ids, block.mask)[:, -block.longest_answer - 1 : -1]


class BlankHead(Learner):
    """The engine's own, but for what its head starts as."""

    def __init__(self, base: SharedBase, _: ScalarHead, recipe: PPORecipe, processes: Processes) -> None:
        super().__init__(base, ScalarHead(base.hidden_size), recipe, processes)


class OnAdapter(Learner):
    """A value head on the hidden states of an adapter that learns, in a pass of its own at each rollout."""

    adapter: str

    @torch.no_grad()
    def values(self, block: Block, features: Tensor) -> Tensor:
        with self.base.use(self.adapter) as model:
            values = self.value_head(states_before(model, block))
        return torch.where(block.answer_mask, values, 0.0)


class OwnAdapter(OnAdapter):
    """A value adapter, a trained copy of the reward's, under the value head."""

    adapter = "value"

    def __init__(
        self, base: SharedBase, value_head: ScalarHead, recipe: PPORecipe, processes: Processes
    ) -> None:
        base.copy("reward", self.adapter)
        value_head.adapter = nn.ParameterList(base.parameters(self.adapter))  # learns as a part of the head
        super().__init__(base, value_head, recipe, processes)

    def _value_gradient(self, batch: Experience) -> Tensor:
        tokens, total = batch.block.answer_mask.sum(), torch.zeros(())
        order = batch.block.mask.sum(-1).argsort(stable=True)
        with self.base.use(self.adapter) as model:
            for rows in order.split(self.recipe.micro_batch_size):
                part = batch.rows(rows)
                values = self.value_head(states_before(model, part.block))
                loss = _loss_of(values, part, tokens, self.recipe)
                loss.backward()
                total += loss.detach()
        return total


class SharedTrunk(OnAdapter):
    """A value head on the policy's hidden states; in an update the policy's own pass computes them."""

    adapter = "policy"

    def __init__(self, base: SharedBase, _: ScalarHead, recipe: PPORecipe, processes: Processes) -> None:
        super().__init__(base, ScalarHead(base.hidden_size), recipe, processes)
        self._value_loss = torch.zeros(())

    def _policy_loss(self, model: PreTrainedModel, part: Experience, tokens: Tensor) -> PolicyLoss:
        seen: list[Tensor] = []
        norm = cast(Any, getattr(model, model.base_model_prefix)).norm
        with norm.register_forward_hook(lambda *passed: seen.append(passed[-1])):
            policy = super()._policy_loss(model, part, tokens)
        states = seen[0][:, -part.block.longest_answer - 1 : -1]
        value = _loss_of(self.value_head(states), part, tokens, self.recipe)
        self._value_loss = self._value_loss + value.detach()
        return PolicyLoss(policy.loss + _TRUNK_SHARE * value, policy.clip_fraction, policy.approx_kl)

    def _value_gradient(self, batch: Experience) -> Tensor:
        """The value loss of the pass that has just been made for the policy, gradient included."""
        loss, self._value_loss = self._value_loss, torch.zeros(())
        return loss


def _loss_of(values: Tensor, part: Experience, tokens: Tensor, recipe: PPORecipe) -> Tensor:
    """The share that some rows have in the value loss of a minibatch of so many tokens."""
    mask = part.block.answer_mask
    loss = value_loss(values, part.values, part.returns, mask, recipe.value_clip_range)
    return loss * mask.sum() / tokens


CRITICS: dict[str, type[Learner]] = {
    "head": Learner,
    "blank": BlankHead,
    "adapter": OwnAdapter,
    "trunk": SharedTrunk,
}


# The runs


def main() -> None:
    options = _options()
    if options.worker:
        sys.exit(work(options.worker, options.run))
    torch.set_num_threads(1)
    base = (options.starter or starter()).resolve()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        learned, held_out, reward = prepare(options, base, folder)
        runs: list[Figures] = []
        for seed in options.seeds:
            for critic in options.critics:
                recipe = PPORecipe(
                    base_model=str(base),
                    dataset=learned,
                    reward_adapter=str(reward),
                    seed=seed,
                    threads=1,
                    steps=options.steps,
                    batch_size=options.batch_size,
                    kl_stop=_FAR,
                    checkpoint_every=10**6,
                    samples_every=10**6,
                )
                place = folder / f"{critic}-{seed}"
                run = train(place, critic, recipe) | {"seed": seed}
                run["accurate"] = accuracy(base, place / "output", held_out)
                runs.append(run)
                print(f"seed {seed}, {critic}: {_line(run)}", flush=True)
    report(options, runs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--critics", nargs="+", choices=CRITICS, default=list(CRITICS))
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--steps", type=int, default=40, help="PPO iterations")
    add("--batch-size", type=int, default=32, help="answers of an iteration")
    add("--comparisons", type=int, default=500, help="rankings of four answers behind the reward model")
    add("--starter", type=Path, help="folder of a starter model; by default one is made")
    add("--corpus", type=Path, default=CORPUS)
    add("--out", type=Path, default=RESULTS)
    add("--worker", choices=CRITICS, help=argparse.SUPPRESS)
    add("--run", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def prepare(options: argparse.Namespace, base: Path, folder: Path) -> tuple[DatasetFile, list[str], Path]:
    """The file of questions to learn from, the held-out questions, and the reward model's folder."""
    rows = demonstration(base, corpus=options.corpus, comparisons=options.comparisons, threads=1)
    questions = {split: sorted({row["prompt"][0]["content"] for row in rows if row["split"] == split})
                 for split in ("train", "held_out")}  # fmt: skip
    pairs = [{"prompt_id": row["prompt"][0]["content"], **row} for row in rows if row["split"] == "train"]
    recipe = RewardRecipe(base_model=str(base), dataset=_file(folder / "pairs.jsonl", pairs), threads=1)
    prompts = [{"prompt_id": q, "prompt": [{"role": "user", "content": q}]} for q in questions["train"]]
    create_run(folder / "reward", recipe)
    run([sys.executable, "-m", "training.rlhf", "reward", str(folder / "reward")])
    return _file(folder / "prompts.jsonl", prompts), questions["held_out"], folder / "reward/output"


def _file(path: Path, rows: list[dict[str, Any]]) -> DatasetFile:
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return dataset_file(path)


def train(folder: Path, critic: str, recipe: PPORecipe) -> Figures:
    """One run in a process of its own: its metrics by iteration, the last rollout's too, and its memory."""
    create_run(folder, recipe)
    command = [sys.executable, "-m", "benchmarks.critic", "--worker", critic, "--run", str(folder)]
    memory = run(command).peak_mib
    lines = (folder / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    return {
        "critic": critic,
        "peak_mib": memory,
        "iterations": [json.loads(line)["metrics"] for line in lines],
        "result": json.loads((folder / "result.json").read_text(encoding="utf-8"))["metrics"],
    }


def work(critic: str, run: Path) -> int:
    """The engine's command with another critic and the processor's clock."""
    clock = SimpleNamespace(monotonic=time.process_time)
    with patch.multiple(ppo, Learner=CRITICS[critic], time=clock):
        return engine.main(["ppo", str(run)])


def accuracy(base_folder: Path, policy: Path, questions: list[str]) -> float:
    """The share of questions that a policy answers truly, by the gold labels."""
    base, tokenizer = SharedBase(load_base(str(base_folder), "float32")), load_tokenizer(str(base_folder))
    base.load("policy", policy)
    recipe = cast(PPORecipe, RunDirectory(policy.parent).recipe())
    prompts = [Prompt(q, [{"role": "user", "content": q}]) for q in questions]
    encoded = [chat.encode_prompt(tokenizer, each.messages) for each in prompts]
    with base.sampling_from("policy", len(encoded)) as model:
        answers = sample(
            model, encoded, Sampling.of(recipe, tokenizer, str(base_folder)), seed=0, batch_size=len(encoded)
        )
    gold = GoldLabels(load_corpus(CORPUS))
    texts = [chat.decode(tokenizer, answer.tokens) for answer in answers]
    return mean(gold.label(q, text).is_accurate for q, text in zip(questions, texts, strict=True))


# What came of it


def _over(run: Figures, metric: str, first: int, last: int) -> float:
    """The mean of a metric over some iterations, counted from one."""
    return mean(line[metric] for line in run["iterations"][first - 1 : last])


def _ended(run: Figures, metric: str) -> float:
    return mean(line[metric] for line in run["iterations"][-_LAST:])


def _windows(run: Figures) -> list[tuple[int, int]]:
    return [window for window in WINDOWS if window[0] <= len(run["iterations"])]


def _line(run: Figures) -> str:
    explained = ", ".join(f"{_over(run, 'explained_variance', *window):.2f}" for window in _windows(run))
    ended = ", ".join(f"{name} {_ended(run, name):.2f}" for name in SHOWN)
    seconds = median(line["seconds"] for line in run["iterations"])
    return (
        f"explained {explained}; {ended}; accurate {run['accurate']:.3f}; {seconds:.2f} s, "
        f"{run['peak_mib']:.0f} MiB"
    )


def report(options: argparse.Namespace, runs: list[Figures]) -> None:
    """Print the means over the seeds and write everything."""
    windows = _windows(runs[0])
    columns = [f"ev {first}-{last}" for first, last in windows] + [*SHOWN, "accurate"]
    columns += [phase.removesuffix("_seconds") for phase in PHASES] + ["MiB"]
    print("\n" + f"{'critic':10}" + "".join(f"{name:>18}" for name in columns))
    table = {}
    for critic in options.critics:
        of_it = [run for run in runs if run["critic"] == critic]
        cells = [[_over(run, "explained_variance", *window) for run in of_it] for window in windows]
        cells += [[_ended(run, name) for run in of_it] for name in SHOWN]
        cells += [[run["accurate"] for run in of_it]]
        cells += [[median(line[phase] for line in run["iterations"]) for run in of_it] for phase in PHASES]
        cells += [[run["peak_mib"] for run in of_it]]
        table[critic] = {
            name: {"mean": mean(each), "deviation": stdev(each) if len(each) > 1 else 0.0}
            for name, each in zip(columns, cells, strict=True)
        }
        shown = (f"{each['mean']:.3f} ± {each['deviation']:.3f}" for each in table[critic].values())
        print(f"{critic:10}" + "".join(f"{cell:>18}" for cell in shown))
    settings = {name: str(v) if isinstance(v, Path) else v for name, v in vars(options).items()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.out, {"settings": settings, "table": table, "runs": runs})
    print(f"\nWritten to {options.out}.")


if __name__ == "__main__":
    main()
