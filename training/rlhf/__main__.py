"""Run one stage in a run directory.

    python -m training.rlhf {sft,reward,ppo,generate,evaluate} RUN_DIR
    python -m training.rlhf plan RECIPE
    python -m training.rlhf plan --update FACTS
    python -m training.rlhf check BASE_MODEL
    python -m training.rlhf unpack FILE.gguf FOLDER
    python -m training.rlhf measure BASE_MODEL PROMPTS_JSONL OUT_JSONL
    python -m training.rlhf export BASE_MODEL FOLDER [--adapter ADAPTER]

`plan` tells what a run will take before it is started, and writes nothing; with --update it chooses the
settings of a whole update (see `plan.budget`). `check` tells whether a base model can be used (see
`model.base_check`), and `measure` how long prompts are (see `data.prompt_lengths`). `unpack` makes a base
model of a GGUF file (see `model.unpacking`), and `export` writes a model as GGUF (see `export`). Several
processes do a run of ppo under torchrun, see `distributed.processes`.

Ends with 0 on success (also when the run had succeeded before), 1 with error.json on failure, 2 on a wrong
command line, 3 when it stopped because it was asked to, 4 on failure when the disk is too full even for
error.json.
"""

import argparse
import ctypes
import json
import os
import sys
import tempfile
import textwrap
import time
import traceback
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, cast

from training.rlhf.distributed.processes import Processes
from training.rlhf.errors import UNEXPECTED, Cancelled, RecipeError, explain, no_space_left
from training.rlhf.hardware.energy import EnergyMeter, of_all_processes
from training.rlhf.recipes import LoRARecipe, Recipe
from training.rlhf.rundir import RunDirectory, write_json
from training.rlhf.stages import STAGES

PLAN, CHECK, MEASURE, UNPACK, EXPORT = "plan", "check", "measure", "unpack", "export"
OK, FAILED, CANCELLED, NO_ROOM = 0, 1, 3, 4
# Names of mallopt(3), which Python does not have.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.stage == PLAN:
        if options.update:
            return _plan_update(options.recipe)
        return _plan(options.recipe, as_json=options.json)
    if options.stage == MEASURE:
        return _measure(options.base_model, options.prompts, options.out)
    if options.stage == CHECK:
        return _check(options.base_model, as_json=options.json)
    if options.stage == EXPORT:
        return _export(options.base_model, options.folder, options.adapter, options.run_dir)
    if options.stage == UNPACK:
        return _unpack(options.file, options.folder, options.run_dir)
    directory = RunDirectory(options.run_dir)
    if not directory.path.is_dir():
        print(f"There is no run directory {directory.path}.", file=sys.stderr)
        return FAILED
    if directory.finished():
        print("This run has already succeeded; see result.json.")
        return OK
    return _attempt(directory, options.stage)


def _plan(path: Path, *, as_json: bool) -> int:
    """Print what the run of a recipe will take."""
    _quieten_libraries()
    from training.rlhf.plan import estimate as plan  # torch takes seconds to import

    try:
        directory, recipe = plan.read_recipe(path)
        _stay_offline_with(directory, recipe)
        made = plan.make_plan(directory, recipe)
    except Exception as error:  # noqa: BLE001 - as for a run, see _printed
        print(_printed(error, explain(error)[0]), file=sys.stderr)
        return FAILED
    print(json.dumps(made.to_dict(), indent=2) if as_json else plan.describe(made))
    return OK


def _plan_update(path: Path) -> int:
    """Print the settings of an update that fits its time, and why they were chosen, as JSON."""
    _quieten_libraries()
    from training.rlhf.plan.budget import plan_update  # torch takes seconds to import

    try:
        print(json.dumps(plan_update(path), indent=2))
    except Exception as error:  # noqa: BLE001 - as for a run, see _printed
        print(_printed(error, explain(error)[0]), file=sys.stderr)
        return FAILED
    return OK


def _check(name: str, *, as_json: bool) -> int:
    """Print what is known of a base model, and what is wrong with it."""
    _quieten_libraries()
    if Path(name).is_dir():
        os.environ["HF_HUB_OFFLINE"] = "1"
    from training.rlhf.model.base_check import check_base  # torch takes seconds to import

    report = check_base(name, Path.cwd())
    found = report.to_dict()
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(f"{key:16} {value}" for key, value in found.items() if key not in ("ok", "problems")))
        for problem in report.problems:
            print(problem, file=sys.stderr)
    return FAILED if report.problems else OK


def _unpack(file: Path, folder: Path, run_dir: Path | None) -> int:
    """Make a base model of a GGUF file."""
    os.environ["HF_HUB_OFFLINE"] = "1"

    def unpack(directory: RunDirectory) -> dict[str, Any]:
        from training.rlhf.model.unpacking import unpack_gguf  # torch takes seconds to import

        return unpack_gguf(file.absolute(), folder.absolute(), directory)

    status = _in_directory(run_dir, unpack)
    if status == OK:
        print(f"{folder} holds the base model, unpacked from {file}.")
    return status


def _in_directory(run_dir: Path | None, act: Callable[[RunDirectory], dict[str, Any]]) -> int:
    """Do what has no recipe; progress, result and failure are also left in the run directory, if any."""
    _quieten_libraries()
    with tempfile.TemporaryDirectory() as scratch:
        directory = RunDirectory(run_dir or scratch)
        with directory.stopped_by_signals(), directory.shown_in_terminal():
            try:
                (directory.path / "error.json").unlink(missing_ok=True)
                write_json(directory.path / "result.json", act(directory))
            except Cancelled:
                return CANCELLED
            except Exception as error:  # noqa: BLE001 - every failure must reach error.json
                return _report(directory, error)
    return OK


def _measure(name: str, prompts: Path, out: Path) -> int:
    """Write the lengths of prompts under a base model's chat template."""
    _quieten_libraries()
    if Path(name).is_dir():
        os.environ["HF_HUB_OFFLINE"] = "1"
    from training.rlhf.data.prompt_lengths import measure_prompts  # torch takes seconds to import
    from training.rlhf.model.loading import find_base

    try:
        measure_prompts(find_base(name, Path(name)), prompts, out)
    except Exception as error:  # noqa: BLE001 - as for a run, see _printed
        print(_printed(error, explain(error)[0]), file=sys.stderr)
        return FAILED
    return OK


def _export(name: str, folder: Path, adapter: Path | None, run_dir: Path | None) -> int:
    """Write a model as GGUF, and print where."""
    if Path(name).is_dir():
        os.environ["HF_HUB_OFFLINE"] = "1"

    def write(_directory: RunDirectory) -> dict[str, Any]:
        from training.rlhf.export.command import export  # torch takes seconds to import

        written = export(name, folder, adapter, scratch=run_dir)
        print(json.dumps(written))
        return dict(written)

    return _in_directory(run_dir, write)


def _attempt(directory: RunDirectory, stage: str) -> int:
    # Also while error.json is written: of two processes of which one is lost, torchrun terminates the other.
    with directory.stopped_by_signals():
        return _attempt_stage(directory, stage)


def _attempt_stage(directory: RunDirectory, stage: str) -> int:
    processes = Processes.of_environment()
    try:
        if processes.is_main:
            directory.open()
        recipe = directory.recipe()
        if recipe.stage != stage:
            raise RecipeError(f"The recipe is for the stage {recipe.stage}, not {stage}.")
        processes.require_fit(recipe)
        _run(directory, recipe, processes)
    except (Cancelled, KeyboardInterrupt):
        if processes.is_main:
            print("Stopped on request; started again, it goes on from its last checkpoint if it has one.")
        return CANCELLED
    except Exception as error:  # noqa: BLE001 - every failure must reach error.json
        return _report(directory, error)
    return OK


def _run(directory: RunDirectory, recipe: Recipe, processes: Processes) -> None:
    _set_environment(directory, recipe)
    _keep_freed_memory(processes)
    started = time.monotonic()
    stage = STAGES[recipe.stage]
    from training.rlhf.model.base_check import require_usable_base

    with EnergyMeter(recipe.country, recipe.processor_watts) as meter, directory.shown_in_terminal():
        _seed_everything(recipe)
        processes.require_one_run(directory, recipe)
        require_usable_base(directory, recipe)
        metrics = stage.run(directory, recipe)
    seconds = time.monotonic() - started
    energy = of_all_processes(meter.result, processes)
    if not processes.is_main:
        return
    if stage.card is not None:
        from training.rlhf.model_card import write_card

        write_card(
            directory, cast(LoRARecipe, recipe), stage.card, metrics=metrics, energy=energy, seconds=seconds
        )
    from training.rlhf.hardware.device import device_for, what_was_used

    directory.finish(metrics, energy, seconds, **what_was_used(device_for(recipe.device)))
    print(json.dumps(metrics))


def _set_environment(directory: RunDirectory, recipe: Recipe) -> None:
    """Fix what libraries read once, at their import: threads, memory, telemetry, network."""
    # oneDNN keeps the code it made for the last 1024 shapes of products, half a megabyte each. Batches
    # of many lengths fill that; a step uses far fewer.
    os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = "64"
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(recipe.threads)
    _quieten_libraries()
    _stay_offline_with(directory, recipe)


def _quieten_libraries() -> None:
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    # accelerate launch would let the other processes wait for weights from the first; here all map the file.
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"


def _stay_offline_with(directory: RunDirectory, recipe: Recipe) -> None:
    if directory.resolve(recipe.base_model).exists():
        os.environ["HF_HUB_OFFLINE"] = "1"


def _keep_freed_memory(processes: Processes) -> None:
    """Let glibc keep what tensors free: given back to the kernel, it costs a page fault at every step.

    Of a divided base whole layers come and go between tensors that stay; kept, they would leave gaps.
    """
    largest = 1 << 20 if processes.divide_base else 32 << 20
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, size in ((_M_MMAP_THRESHOLD, largest), (_M_TRIM_THRESHOLD, 1 << 30)):
            mallopt(parameter, size)


def _seed_everything(recipe: Recipe) -> None:
    import random

    import numpy as np
    import torch

    torch.set_num_threads(recipe.threads)
    random.seed(recipe.seed)
    np.random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)


def _report(directory: RunDirectory, error: Exception) -> int:
    """Write why an attempt failed to error.json and to the log; returns the exit status."""
    status = FAILED
    try:
        reason = directory.fail(error)
    except OSError as second:
        reason = f"{explain(error)[0]} (And error.json could not be written: {second}.)"
        status = NO_ROOM if no_space_left(second) else FAILED
    try:
        print(_printed(error, reason), file=sys.stderr, flush=True)
    except OSError:
        # The log lies on the same full disk. What is left of it in a buffer must not change the exit status.
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    return status


def _printed(error: Exception, reason: str) -> str:
    """What to print of a failure: where it happened only helps when it is the engine's fault."""
    is_ours = explain(error)[1] == UNEXPECTED
    return "".join(traceback.format_exception(error)) + reason if is_ours else reason


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.rlhf", description=(__doc__ or "").splitlines()[0]
    )
    stages = parser.add_subparsers(
        dest="stage",
        required=True,
        metavar="{" + ",".join((*STAGES, PLAN, CHECK, MEASURE, UNPACK, EXPORT)) + "}",
    )
    for name, stage in STAGES.items():
        summary = (stage.recipe.__doc__ or "").splitlines()[0]
        command = stages.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=_settings(stage.recipe),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="directory that holds recipe.json")
    summary = "What a run will take: parameters, memory, time and disk, and which settings fit this machine."
    command = stages.add_parser(PLAN, help=summary, description=summary)
    command.add_argument(
        "recipe", type=Path, metavar="RECIPE", help="recipe.json or the directory that holds it"
    )
    command.add_argument("--json", action="store_true", help="print JSON, in bytes and seconds")
    command.add_argument(
        "--update",
        action="store_true",
        help="RECIPE is what is known of a whole update; choose all its settings, and print them as JSON",
    )
    summary = "Whether a base model can be used: chat template, stop tokens, sizes and lengths."
    command = stages.add_parser(CHECK, help=summary, description=summary)
    command.add_argument("base_model", metavar="BASE_MODEL", help="folder or hub name")
    command.add_argument(
        "--json", action="store_true", help="print JSON, see training/rlhf/model/base_check.py"
    )
    summary = "Make a base model of a GGUF file, once and whole: safetensors in bfloat16, with its tokenizer."
    command = stages.add_parser(UNPACK, help=summary, description=summary)
    command.add_argument("file", type=Path, metavar="FILE.gguf", help="as llama.cpp and Ollama use them")
    command.add_argument("folder", type=Path, metavar="FOLDER", help="what it becomes; not there yet")
    command.add_argument("--run-dir", type=Path, help="where progress.jsonl and error.json are written")
    summary = "How many tokens each prompt has under a base model's chat template."
    command = stages.add_parser(MEASURE, help=summary, description=summary)
    command.add_argument("base_model", metavar="BASE_MODEL", help="folder or hub name")
    command.add_argument("prompts", type=Path, metavar="PROMPTS_JSONL", help="rows {prompt_id, prompt}")
    command.add_argument("out", type=Path, metavar="OUT_JSONL", help="rows {prompt_id, tokens}")
    summary = "Write a base model, and an adapter on it, as GGUF for llama.cpp and what is built on it."
    command = stages.add_parser(EXPORT, help=summary, description=summary)
    command.add_argument("base_model", metavar="BASE_MODEL", help="folder or hub name")
    command.add_argument("folder", type=Path, metavar="FOLDER", help="where to; what is there is kept")
    command.add_argument("--adapter", type=Path, help="folder of a policy adapter")
    command.add_argument("--run-dir", type=Path, help="where result.json and error.json are written")
    return parser


def _settings(recipe: type[Recipe]) -> str:
    lines = ["settings in recipe.json:"]
    for each in fields(recipe):
        lines.append(f"  {each.name} ({_default(each)})")
        lines += textwrap.wrap(each.metadata["help"], 90, initial_indent="      ", subsequent_indent="      ")
    return "\n".join(lines)


def _default(each: "Field[object]") -> str:
    return "required" if each.default is MISSING else f"default {json.dumps(each.default)}"


if __name__ == "__main__":
    sys.exit(main())
