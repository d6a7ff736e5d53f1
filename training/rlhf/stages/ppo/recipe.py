"""The settings of PPO."""

from dataclasses import dataclass

from training.rlhf.recipes import (
    LoRARecipe,
    SamplingRecipe,
    not_negative,
    positive,
    require,
    setting,
    within_unit,
)


@dataclass(frozen=True, kw_only=True)
class PPORecipe(SamplingRecipe, LoRARecipe):
    """PPO of a LoRA policy against the reward adapter (InstructGPT, equation 2, no pretraining term)."""

    stage = "ppo"

    reward_adapter: str = setting("folder that the reward stage wrote, a single adapter or an ensemble")
    policy_adapter: str | None = setting(
        "adapter to start from, also the reference; none starts from the base", None
    )
    reanchor: bool = setting("charge for the distance from the base instead of that adapter", False)
    lora_r: int = setting("rank of a fresh policy adapter; one that is loaded keeps its own", 16)

    steps: int = setting("PPO iterations, each one a rollout and its optimisation", 40)
    batch_size: int = setting("prompts per rollout", 128)

    epochs: int = setting("passes over one rollout", 2)
    minibatches: int = setting("optimiser steps per pass", 4)
    micro_batch_size: int = setting(
        "answers in one forward and backward pass; fewer need less memory and change nothing else", 16
    )
    learning_rate: float = setting("of AdamW for the policy adapter, falling linearly to a tenth", 1e-3)
    value_learning_rate: float = setting("of AdamW for the value head, which starts far from its goal", 1e-3)
    clip_range: float = setting("ratio clip of the surrogate objective (PPO, equation 7)", 0.2)
    value_clip_range: float = setting("how far a value may move from its rollout value", 0.2)
    gamma: float = setting("discount; 1 because an answer is short and judged as a whole", 1.0)
    gae_lambda: float = setting(
        "GAE's trade of bias against variance; 1 credits an answer's first words in full", 1.0
    )
    max_grad_norm: float = setting("gradients are clipped to this length", 1.0)

    kl_coef: float = setting("price of one nat of KL to the reference, in deviations of the score", 0.2)
    kl_target: float = setting(
        "KL per answer that the adaptive controller steers to; 0 keeps kl_coef fixed", 0.0
    )
    kl_horizon: int = setting(
        "answers over which the controller acts (Ziegler et al. 2019, section 2.2)", 5000
    )
    kl_stop: float = setting(
        "end the run, keeping the last good step, when KL per answer exceeds this: in the demonstration "
        "accuracy falls below where it began at 6 to 8 nats, whatever the rankings",
        6.0,
    )
    kl_epoch_stop: float = setting(
        "leave a rollout's passes early at this KL per token to its own policy", 0.1
    )

    calibration_answers: int = setting(
        "answers of the reference whose scores give the mean and deviation that scores are measured in", 256
    )
    uncertainty_penalty: float = setting(
        "taken from the score for each unit of variance among the members of a reward ensemble", 0.0
    )
    score_clip: float = setting("normalised scores are cut to this magnitude; 0 turns it off", 5.0)
    missing_eos_penalty: float = setting("taken from the score of an answer that does not end", 2.0)

    checkpoint_every: int = setting("iterations between checkpoints", 10)
    samples_every: int = setting("iterations between lines of output/samples.jsonl", 10)

    @property
    def shared_rows(self) -> int:
        return min(self.batch_size // self.minibatches, self.calibration_answers)

    def validate(self) -> None:
        super().validate()
        positive(
            self, "steps", "epochs", "minibatches", "micro_batch_size", "learning_rate",
            "value_learning_rate", "clip_range", "value_clip_range", "max_grad_norm", "kl_horizon", "kl_stop",
            "kl_epoch_stop", "checkpoint_every", "samples_every",
        )  # fmt: skip
        not_negative(self, "kl_coef", "kl_target", "uncertainty_penalty", "score_clip", "missing_eos_penalty")
        within_unit(self, "gamma", "gae_lambda")
        require(self.calibration_answers >= 2, "calibration_answers must be 2 or more.")
        require(self.minibatches <= self.batch_size, "minibatches must not exceed batch_size.")
        require(
            self.kl_target == 0 or self.kl_horizon >= self.batch_size,
            "kl_horizon must not be less than batch_size.",
        )
