"""The command line."""

import argparse
import json
import textwrap
from dataclasses import MISSING, Field, fields
from pathlib import Path

from training.rlhf.recipes import Recipe
from training.rlhf.stages import STAGES

PLAN, CHECK, MEASURE, UNPACK, EXPORT = "plan", "check", "measure", "unpack", "export"


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.rlhf",
        description="Run one stage in a run directory, or one of the commands beside.",
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
