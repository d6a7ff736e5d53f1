"""The plan of a run agrees with what the run then does."""

import json
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft.tuners.lora import Linear as PeftLinear

from tests.rlhf.engine import ask
from tests.rlhf.making import PROMPTS, with_policy, workload_of, write_rows
from training.rlhf.__main__ import main
from training.rlhf.command.plans import read_recipe
from training.rlhf.data.files import read_preferences
from training.rlhf.errors import ModelError
from training.rlhf.hardware import device as machine
from training.rlhf.hardware.device import Machine, this_machine
from training.rlhf.model.adapters import SharedBase, lora_config
from training.rlhf.model.kernels import linear
from training.rlhf.model.kernels import lora_matmul as products
from training.rlhf.model.kernels.linear import LoRALinear
from training.rlhf.model.loading import load_base, load_tokenizer
from training.rlhf.model.logprobs import Block, answer_logprobs
from training.rlhf.plan.estimate import Plan, describe, make_plan
from training.rlhf.plan.meta_model import MetaMode
from training.rlhf.plan.presets import SIZES, suggest
from training.rlhf.plan.workload import Phase
from training.rlhf.rundir import RunDirectory
from training.rlhf.stages import STAGES, parse_recipe
from training.rlhf.stages.ppo import stage as ppo
from training.rlhf.stages.ppo.recipe import PPORecipe
from training.rlhf.stages.reward.comparisons import encode_preferences
from training.rlhf.stages.reward.members import plan_members
from training.rlhf.stages.reward.recipe import RewardRecipe
from training.rlhf.stages.sft.recipe import SFTRecipe

Make = Callable[..., Path]
TRAINED = ("sft", "reward", "ppo")


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine is measured for a moment only: no test looks at how fast it is."""
    monkeypatch.setattr(machine, "_MEASURED_SECONDS", 0.005)


def plan_of(folder: Path) -> Plan:
    return make_plan(*read_recipe(folder))


@pytest.mark.parametrize("stage", TRAINED)
def test_disk_is_what_a_run_leaves(stage: str, settings: dict[str, Any], make_run: Make) -> None:
    folder = make_run(settings[stage])
    planned = plan_of(folder).disk
    directory = RunDirectory(folder)
    directory.open()
    recipe: Any = directory.recipe()
    directory.finish(STAGES[stage].run(directory, recipe), {}, 0.0)

    def size(part: str) -> int:
        return sum(path.stat().st_size for path in (folder / part).rglob("*") if path.is_file())

    assert planned.checkpoints == pytest.approx(size("checkpoints"), rel=0.2)
    assert planned.output == pytest.approx(size("output"), rel=0.2)
    assert planned.most >= planned.total


@pytest.mark.parametrize("rank", [0, 4])
def test_parameters_are_those_of_the_model_that_sft_trains(
    rank: int, settings: dict[str, Any], folder: Path, make_run: Make
) -> None:
    model = load_base(str(folder), "float32")
    parameters = sum(each.numel() for each in model.parameters())
    if rank:
        base = SharedBase(model)
        base.add("policy", lora_config(model, r=rank, alpha=8, target="all-linear"))
        trainable = sum(each.numel() for each in base.parameters("policy"))
    else:
        trainable = parameters
    workload = workload_of(make_run(settings["sft"] | {"base_model": str(folder), "lora_r": rank}))
    assert (workload.parameters, workload.trainable) == (parameters, trainable)


def test_parameters_are_those_of_the_trainers(settings: dict[str, Any], make_run: Make) -> None:
    directory = RunDirectory(make_run(settings["ppo"]))
    recipe: Any = directory.recipe()
    directory.open()
    run = ppo.PPO(directory, recipe)
    workload = workload_of(directory.path)
    assert workload.trainable == sum(
        each.numel() for each in run.base.model.parameters() if each.requires_grad
    )
    assert workload.adapter_bytes == 4 * sum(
        sum(each.numel() for each in run.base.parameters(name)) for name in ("policy", "policy", "reward")
    )


def test_a_policy_that_goes_on_keeps_its_own_rank(
    settings: dict[str, Any], llama: Path, make_run: Make, tmp_path: Path
) -> None:
    base = SharedBase(load_base(str(llama), "float32"))
    base.add("policy", lora_config(base.model, r=2, alpha=8, target="q_proj"))
    base.save("policy", tmp_path / "policy")
    workload = workload_of(make_run(settings["ppo"] | {"policy_adapter": str(tmp_path / "policy")}))
    assert workload.trainable == sum(each.numel() for each in base.parameters("policy"))


def test_counted_memory_of_an_update_is_what_autograd_keeps(
    settings: dict[str, Any], llama: Path, make_run: Make
) -> None:
    """Every tensor that a real forward pass saves for its gradient is within the counted peak."""
    plan = plan_of(make_run(settings["sft"] | {"lora_r": 0}))
    model = load_base(str(llama), "float32").requires_grad_(True)
    weights = {each.untyped_storage().data_ptr() for each in model.parameters()}
    saved: dict[int, int] = {}

    def remember(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.zeros(8, plan.longest_input_tokens, dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
    kept = sum(saved.values())
    assert loss.requires_grad and kept < plan.memory.working["update"] < 2 * kept


@pytest.mark.parametrize("stage", TRAINED)
def test_adapters_are_counted_in_the_engines_own_layers(
    stage: str, settings: dict[str, Any], make_run: Make
) -> None:
    workload = workload_of(make_run(settings[stage]))
    adapted = [each for each in workload.model.modules() if isinstance(each, PeftLinear)]
    assert {type(each) for each in adapted} == {LoRALinear}
    assert workload.trainable == sum(
        each.numel()
        for name, each in workload.model.named_parameters()
        if "lora_" in name and "policy" in name
    ) + (workload.hidden if stage == "reward" else 0)


def test_counted_memory_of_a_policys_update_is_what_the_engines_layers_keep(
    settings: dict[str, Any], llama: Path, make_run: Make
) -> None:
    folder = make_run(settings["ppo"] | {"batch_size": 8, "minibatches": 1, "micro_batch_size": 8})
    workload = workload_of(folder)
    base = SharedBase(load_base(str(llama), "float32"))
    base.add("policy", lora_config(base.model, r=16, alpha=32, target="all-linear"))
    base.train("policy")
    weights = {each.untyped_storage().data_ptr() for each in base.model.parameters()}
    saved: dict[int, int] = {}

    def remember(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.zeros(8, workload.lengths.longest + 12, dtype=torch.long)
    block = Block(ids, torch.ones_like(ids), torch.ones(8, 12, dtype=torch.bool))
    with (
        torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor),
        base.use("policy") as model,
    ):
        logprobs = answer_logprobs(model, block, 1.0)
    kept = sum(saved.values())
    counted = workload.update()
    gradients = 4 * workload.trainable
    assert logprobs.requires_grad
    assert kept < counted.kept_bytes + counted.cost.peak_bytes - gradients < 2 * kept


def test_the_engines_own_product_is_counted_as_work() -> None:
    meta = MetaMode()
    with meta.mode:
        x, weight = torch.empty(3, 5), torch.empty(7, 5)
    cost = meta.cost(lambda: products.multiply(x, weight))
    assert (cost.flops, cost.matmul_bytes) == (2 * 3 * 5 * 7, 4 * (3 * 5 + 7 * 5 + 3 * 7))


@pytest.mark.parametrize("members", [1, 3])
def test_a_reward_runs_steps_are_those_of_its_members(
    members: int, settings: dict[str, Any], make_run: Make
) -> None:
    folder = make_run(settings["reward"] | {"ensemble_size": members, "epochs": 6.0})
    directory, recipe = read_recipe(folder)
    assert isinstance(recipe, RewardRecipe)
    examples = encode_preferences(
        load_tokenizer(recipe.base_model), read_preferences(directory, recipe.dataset)
    )
    made = plan_members(recipe, examples)
    assert workload_of(folder).steps == sum(len(each.steps) for each in made)


def test_a_comparison_is_counted_by_its_completions_and_not_by_its_pairs(
    settings: dict[str, Any], make_run: Make
) -> None:
    workload = workload_of(make_run(settings["reward"]))
    inputs, share = workload.largest_step()
    assert len(inputs["rows"]) == 3 * 4  # of nine pairs, which have two each
    assert inputs["attention_mask"].ndim == 4  # behind their common prompt, as they are trained
    assert 0 < share <= 1


def test_the_safety_prompts_are_part_of_an_evaluation(ppo_settings: dict[str, Any], make_run: Make) -> None:
    shared = {key: ppo_settings[key] for key in ("base_model", "dataset", "reward_adapter", "max_new_tokens")}
    run = make_run({"stage": "evaluate", "batch_size": 8, "samples_per_prompt": 2, **shared})
    times = {phase.name: phase.times for phase in workload_of(run).phases}
    compared, asked = 2 * 2, 2 * math.ceil(31 * 2 / 8)
    sampled = compared + asked
    assert times == {
        "prompts": sampled,
        "sampling": 12 * sampled,
        "scoring": compared,
        "kl": compared / 2,
    }


def test_what_the_base_answers_of_the_anchors_is_part_of_an_evaluation_unless_it_is_the_baseline(
    ppo_settings: dict[str, Any], make_run: Make, llama: Path, tmp_path: Path
) -> None:
    shared = {key: ppo_settings[key] for key in ("base_model", "dataset", "reward_adapter", "max_new_tokens")}
    shared |= {"stage": "evaluate", "batch_size": 8, "samples_per_prompt": 4}
    with_policy(llama).save("policy", tmp_path / "policy")
    later = {"baseline_adapter": str(tmp_path / "policy")}
    anchors = {"anchors": shared["dataset"]}

    def work(name: str, **more: Any) -> tuple[int, float, int]:
        workload = workload_of(make_run(shared | more, name))
        times = {phase.name: phase.times for phase in workload.phases}
        assert times["prompts"] == workload.steps
        return workload.steps, times["scoring"], workload.output_bytes

    batches = math.ceil(len(PROMPTS) * 4 / 8)
    without, asked = work("without", **later), work("asked", **later, **anchors)
    assert asked[:2] == (without[0] + batches, without[1] + batches)
    first = work("first", **anchors)
    assert first[:2] == work("first-without")[:2]
    assert first[2] == asked[2] > without[2]


def test_reference_and_base_are_asked_in_parts(
    settings: dict[str, Any], make_run: Make, llama: Path, tmp_path: Path
) -> None:
    with_policy(llama).save("policy", tmp_path / "policy")
    continued = {"policy_adapter": str(tmp_path / "policy")}

    def reference(name: str, **changes: Any) -> Phase:
        workload = workload_of(make_run(settings["ppo"] | {"batch_size": 16, "steps": 3} | changes, name))
        return workload.reference()

    whole, parts = reference("whole", micro_batch_size=8), reference("parts", micro_batch_size=2)
    assert (whole.times, parts.times) == (4, 4 * 4)
    assert parts.cost.peak_bytes < whole.cost.peak_bytes / 2
    assert reference("continued", micro_batch_size=8, **continued).times == 2 * whole.times
    assert reference("anew", micro_batch_size=8, reanchor=True, **continued).times == whole.times


def test_sampling_counts_the_weights_that_are_laid_out_anew(
    settings: dict[str, Any], make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = workload_of(make_run(settings["ppo"]))
    with_them = [phase.kept_bytes for phase in workload.sampling(times=1)]
    monkeypatch.setattr("training.rlhf.plan.sampling.prepacked_bytes", lambda model: 0)
    without = [phase.kept_bytes for phase in workload.sampling(times=1)]
    sizes = [each.weight.nbytes for each in workload.model.modules() if isinstance(each, linear.Linear)]
    # All of them, and a room for the largest that are put together: an MLP's gate and up projection.
    room = 2 * 4 * workload.hidden * workload.model.config.intermediate_size
    assert [one - other for one, other in zip(with_them, without, strict=True)] == [sum(sizes) + room] * 2


def test_more_work_takes_more_memory_and_time(settings: dict[str, Any], make_run: Make) -> None:
    small = plan_of(make_run(settings["ppo"], "small"))
    large = plan_of(
        make_run(settings["ppo"] | {"batch_size": 64, "max_new_tokens": 40, "steps": 30}, "large")
    )
    for name in small.memory.working:
        assert large.memory.working[name] > 4 * small.memory.working[name]
    assert large.memory.key_value_cache > 8 * small.memory.key_value_cache
    assert set(large.seconds) == {"start", "prompts", "sampling", "scoring", "reference", "update"}


@pytest.mark.parametrize("stage", ["generate", "evaluate"])
def test_stages_that_sample_are_planned_too(
    stage: str, ppo_settings: dict[str, Any], make_run: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = {key: ppo_settings[key] for key in ("base_model", "dataset", "max_new_tokens")}
    if stage == "evaluate":
        recipe["reward_adapter"] = ppo_settings["reward_adapter"]
    folder = make_run({"stage": stage, **recipe})
    assert main(["plan", str(folder / "recipe.json"), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["trainable_parameters"] == plan["disk"]["checkpoints"] == 0
    assert plan["seconds"]["low"] * 4 == pytest.approx(plan["seconds"]["high"])
    assert plan["memory"]["total"] > plan["memory"]["base_weights"] > 0
    assert {path.name for path in folder.iterdir()} == {"recipe.json"}  # nothing is written


def test_adapters_are_counted_without_a_warning(settings: dict[str, Any], make_run: Make) -> None:
    """Torch warned of every weight that a model without numbers cannot take."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        workload_of(make_run(settings["ppo"]))


def test_the_command_says_nothing_but_the_plan(settings: dict[str, Any], make_run: Make) -> None:
    status, printed, said = ask(["plan", str(make_run(settings["ppo"]))])
    assert (status, said) == (0, "") and printed.startswith("ppo of ")


def test_the_plan_reads_well(settings: dict[str, Any], make_run: Make) -> None:
    plan = plan_of(make_run(settings["ppo"]))
    text = describe(plan)
    assert f"{plan.parameters:,} in the base, {plan.trainable_parameters:,}" in text
    assert "factor of two" in text and "not enough" not in text
    assert "not enough memory" in describe(replace(plan, machine=replace(plan.machine, memory=1)))
    assert "not enough room" in describe(replace(plan, disk_free=1))
    assert '"batch_size": 4' in describe(replace(plan, suggested={"batch_size": 4}))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"base_model": "/nowhere/model"}, "The model folder /nowhere/model does not exist."),
        ({"reward_adapter": "/nowhere/reward"}, "The adapter folder /nowhere/reward is missing"),
        ({"max_prompt_tokens": 3}, "more than the 3 that max_prompt_tokens"),
        ({"steps": -1}, "steps must be greater than 0."),
    ],
)
def test_what_would_end_the_run_ends_the_plan(
    change: dict[str, Any],
    reason: str,
    settings: dict[str, Any],
    make_run: Make,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["plan", str(make_run(settings["ppo"] | change))]) == 1
    printed = capsys.readouterr().err
    assert reason in printed and "Traceback" not in printed


@pytest.mark.parametrize("rows", [0, 3])
def test_too_few_pairs_are_refused(
    rows: int, settings: dict[str, Any], make_run: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = (tmp_path / "pairs.jsonl").read_text().splitlines()
    few = write_rows(tmp_path / "few.jsonl", [json.loads(pair) for pair in pairs[:rows]])
    assert main(["plan", str(make_run(settings["reward"] | {"dataset": few, "min_pairs": 5}))]) == 1
    assert f"has {rows} training pairs, and a reward model needs at least 5" in capsys.readouterr().err


def test_an_adapter_that_does_not_fit_is_refused(
    settings: dict[str, Any], make_run: Make, llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_policy(llama).save("policy", tmp_path / "policy")
    config = tmp_path / "policy" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"r": 8}))
    plan = {"policy_adapter": str(tmp_path / "policy")}
    assert main(["plan", str(make_run(settings["ppo"] | plan))]) == 1
    assert "may have been trained on another base" in capsys.readouterr().err


def test_a_recipe_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(tmp_path / "none.json")]) == 1
    assert "There is no readable recipe" in capsys.readouterr().err


def test_a_configuration_that_is_damaged_is_refused(
    settings: dict[str, Any], llama: Path, make_run: Make, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    for path in llama.iterdir():
        if path.name != "config.json":
            (tmp_path / "model" / path.name).symlink_to(path)
    (tmp_path / "model" / "config.json").write_text('{"model_type": "no such thing"}')
    with pytest.raises(ModelError, match="cannot be"):
        plan_of(make_run(settings["ppo"] | {"base_model": str(tmp_path / "model")}))


LARGE = Machine(device="gpu", memory=80 << 30, threads=16, bfloat16=True)


def ppo_recipe(**changes: Any) -> PPORecipe:
    text = {
        "stage": "ppo",
        "base_model": "b",
        "reward_adapter": "r",
        "dataset": {"path": "d", "sha256": "0" * 64},
    }
    recipe = parse_recipe(json.dumps(text | changes))
    assert isinstance(recipe, PPORecipe)
    return recipe


def test_the_starters_recipe_is_left_as_it_is() -> None:
    assert suggest(ppo_recipe(), 2_400_000, LARGE, lambda _: 1) == {}


def test_a_larger_model_gets_the_settings_of_its_size() -> None:
    suggested = suggest(ppo_recipe(), 600_000_000, LARGE, lambda _: 1)
    size = SIZES[1]
    assert suggested == {
        "learning_rate": STAGES["ppo"].learning_rates[1],
        "max_new_tokens": size.max_new_tokens,
        "kl_stop": 10.0,
        "dtype": "bfloat16",
        **STAGES["ppo"].larger_models,
    }
    ppo_recipe(**suggested)  # what is suggested is a valid recipe
    assert "dtype" not in suggest(ppo_recipe(), 600_000_000, replace(LARGE, bfloat16=False), lambda _: 1)


def test_a_batch_is_halved_until_it_fits_and_no_further() -> None:
    gigabyte = 1 << 30

    def memory_of(recipe: Any) -> int:
        return gigabyte * (2 + recipe.batch_size)

    small = replace(LARGE, memory=60 * gigabyte)  # of which 42 are to be used
    assert suggest(ppo_recipe(), 1, small, memory_of) == {"batch_size": 32}
    assert suggest(ppo_recipe(batch_size=32), 1, small, memory_of) == {}
    assert suggest(ppo_recipe(minibatches=8), 1, replace(small, memory=1), memory_of) == {
        "batch_size": 4,
        "minibatches": 4,
    }


def test_micro_batches_shrink_before_batches() -> None:
    gigabyte = 1 << 30

    def memory_of(recipe: Any) -> int:
        return gigabyte * (2 + recipe.batch_size // 8 + recipe.micro_batch_size)

    small = replace(LARGE, memory=40 * gigabyte)  # of which 28 are to be used
    assert suggest(ppo_recipe(), 1, small, memory_of) == {"micro_batch_size": 8}
    assert suggest(ppo_recipe(), 1, replace(small, memory=20 * gigabyte), memory_of) == {
        "micro_batch_size": 1,
        "batch_size": 64,
    }


def test_a_large_model_is_not_trained_whole() -> None:
    recipe = SFTRecipe(base_model="b", dataset=ppo_recipe().dataset)
    assert suggest(recipe, 600_000_000, LARGE, lambda _: 1)["lora_r"] == 16
    assert "lora_r" not in suggest(recipe, 2_400_000, LARGE, lambda _: 1)


def test_a_machine_too_busy_to_measure_in_time_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_MEASURED_SECONDS", 0.0)
    assert machine.measure(1, torch.float32).flops > 0


def test_no_more_threads_than_processors_are_suggested() -> None:
    few = replace(LARGE, threads=1)
    assert suggest(ppo_recipe(), 1, few, lambda _: 1) == {"threads": 1}
    assert this_machine().threads >= 1 and this_machine().memory > 1 << 28
