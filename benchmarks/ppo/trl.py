"""TRL 1.12's PPOTrainer on the task that `sides` hands it, in the environment that has that version.

    python benchmarks/ppo/trl.py TASK.json

Reads a task, trains and writes the seconds of every iteration to the task's `result`. A module of its own
without imports from this project, because that environment has none of it.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    TrainerCallback,
)
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer


def now() -> float:
    """The time at which what a GPU was given to do is done."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


class Stopwatch(TrainerCallback):
    """When sampling, scoring and learning of each iteration ended."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self._marks: list[float] = []
        self._wrap("batch_generation")
        self._wrap("masked_whiten")  # of the advantages, right before learning

    def _wrap(self, name: str) -> None:
        function = getattr(ppo_trainer, name)

        def timed(*args: Any, **settings: Any) -> Any:
            result = function(*args, **settings)
            self._marks.append(now())
            return result

        setattr(ppo_trainer, name, timed)

    def on_train_begin(self, *args: Any, **settings: Any) -> None:
        self._marks = [now()]

    def on_step_end(self, *args: Any, **settings: Any) -> None:
        start, sampled, scored = self._marks
        end = now()
        self.rows.append(
            {
                "rollout": sampled - start,
                "scoring": scored - sampled,
                "update": end - scored,
                "seconds": end - start,
            }
        )
        self._marks = [end]

    def on_log(self, args: Any, state: Any, control: Any, **settings: Any) -> None:
        logs = [log for log in state.log_history if "objective/scores" in log]
        self.scores = [log["objective/scores"] for log in logs]  # less the penalty for a missing EOS
        self.kl = [log["objective/kl"] for log in logs]


def main(task: dict[str, Any]) -> None:
    torch.set_num_threads(task["threads"])
    dtype = getattr(torch, task["dtype"])
    tokenizer = AutoTokenizer.from_pretrained(task["base"], padding_side="left")
    policy = AutoModelForCausalLM.from_pretrained(task["base"], dtype=dtype)
    watch = Stopwatch()
    prompts = Dataset.from_dict({"input_ids": task["prompts"]})
    trainer = PPOTrainer(
        args=PPOConfig(
            output_dir=task["folder"],
            per_device_train_batch_size=task["batch_size"],
            gradient_accumulation_steps=1,
            num_mini_batches=task["minibatches"],
            num_ppo_epochs=task["epochs"],
            total_episodes=task["batch_size"] * task["iterations"],
            response_length=task["response"],
            stop_token="eos",
            temperature=task["temperature"],
            kl_coef=task["kl_coef"],
            lam=1.0,
            missing_eos_penalty=task["missing_eos_penalty"],
            learning_rate=task["learning_rate"],
            adam_epsilon=1e-5,  # as in the engine
            num_sample_generations=0,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=task["device"] == "cpu",
            logging_steps=1,
            save_strategy="no",
            disable_tqdm=True,
            report_to="none",
            seed=task["seed"],
        ),
        processing_class=tokenizer,
        model=policy,
        ref_model=None,
        reward_model=classifier(task, dtype, tokenizer.pad_token_id),
        value_model=classifier(task, dtype, tokenizer.pad_token_id),
        train_dataset=prompts,
        eval_dataset=prompts.select(range(1)),
        callbacks=[watch],
        peft_config=LoraConfig(
            r=task["lora_r"],
            lora_alpha=task["lora_alpha"],
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )
    trainer.train()
    gpu_peak = torch.cuda.max_memory_allocated() if task["device"] == "cuda" else None
    result = {"iterations": watch.rows, "scores": watch.scores, "kl": watch.kl, "gpu_peak_bytes": gpu_peak}
    Path(task["result"]).write_text(json.dumps(result))


def classifier(task: dict[str, Any], dtype: torch.dtype, pad_id: int) -> Any:
    """The reward model as this trainer wants it: a copy of the base with the adapter merged."""
    model = AutoModelForSequenceClassification.from_pretrained(task["base"], num_labels=1, dtype=dtype)
    model.config.pad_token_id = pad_id
    return PeftModel.from_pretrained(model, task["reward"]).merge_and_unload()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
