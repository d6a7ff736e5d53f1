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

import sys

from training.rlhf.command import models, plans
from training.rlhf.command.arguments import CHECK, EXPORT, MEASURE, PLAN, UNPACK, parser
from training.rlhf.command.outcome import FAILED, OK
from training.rlhf.command.run import attempt
from training.rlhf.rundir import RunDirectory


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.stage == PLAN:
        if options.update:
            return plans.plan_update(options.recipe)
        return plans.plan(options.recipe, as_json=options.json)
    if options.stage == MEASURE:
        return models.measure(options.base_model, options.prompts, options.out)
    if options.stage == CHECK:
        return models.check(options.base_model, as_json=options.json)
    if options.stage == EXPORT:
        return models.export(options.base_model, options.folder, options.adapter, options.run_dir)
    if options.stage == UNPACK:
        return models.unpack(options.file, options.folder, options.run_dir)
    directory = RunDirectory(options.run_dir)
    if not directory.path.is_dir():
        print(f"There is no run directory {directory.path}.", file=sys.stderr)
        return FAILED
    if directory.finished():
        print("This run has already succeeded; see result.json.")
        return OK
    return attempt(directory, options.stage)


if __name__ == "__main__":
    sys.exit(main())
