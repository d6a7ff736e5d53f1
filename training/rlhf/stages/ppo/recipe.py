"""The settings of PPO."""

from dataclasses import dataclass

from training.rlhf.recipes import LoRARecipe, SamplingRecipe, require, setting
from training.rlhf.translatable import gettext_noop as _


@dataclass(frozen=True, kw_only=True)
class PPORecipe(SamplingRecipe, LoRARecipe):
    """PPO of a LoRA policy against the reward adapter (InstructGPT, equation 2, no pretraining term)."""

    stage = "ppo"

    reward_adapter: str = setting("folder that the reward stage wrote, a single adapter or an ensemble")
    policy_adapter: str | None = setting(
        "adapter to start from, also the reference; none starts from the base", None
    )
    reanchor: bool = setting(
        _("charge for the distance from the base instead of that from the live version"), False
    )
    lora_r: int = setting(
        _("rank of a fresh policy adapter; one that is loaded keeps its own"), 16, least=1, most=1024
    )

    steps: int = setting(
        _("PPO iterations, each one a rollout and its optimisation"), 40, unit=_("iterations"), above=0
    )
    batch_size: int = setting(_("prompts per rollout"), 128, unit=_("prompts"), above=0)

    epochs: int = setting(_("passes over one rollout"), 2, above=0)
    minibatches: int = setting(_("optimiser steps per pass"), 4, unit=_("steps"), above=0)
    micro_batch_size: int = setting(
        _("answers in one forward and backward pass; fewer need less memory and change nothing else"),
        16,
        unit=_("answers"),
        above=0,
    )
    learning_rate: float = setting(
        _("of AdamW for the policy adapter, falling linearly to a tenth"), 1e-3, above=0
    )
    value_learning_rate: float = setting(
        _("of AdamW for the value head, which starts far from its goal"), 1e-3, above=0
    )
    clip_range: float = setting(_("ratio clip of the surrogate objective (PPO, equation 7)"), 0.2, above=0)
    value_clip_range: float = setting(_("how far a value may move from its rollout value"), 0.2, above=0)
    gamma: float = setting(
        _("discount; 1 because an answer is short and judged as a whole"), 1.0, least=0, most=1
    )
    gae_lambda: float = setting(
        _("GAE's trade of bias against variance; 1 credits an answer's first words in full"),
        1.0,
        least=0,
        most=1,
    )
    max_grad_norm: float = setting(_("gradients are clipped to this length"), 1.0, above=0)

    kl_coef: float = setting(
        _("price of one nat of KL to the reference, in deviations of the score"), 0.2, least=0
    )
    kl_target: float = setting(
        _("KL per answer that the adaptive controller steers to; 0 keeps kl_coef fixed"),
        0.0,
        unit=_("nats"),
        least=0,
    )
    kl_horizon: int = setting(
        _("answers over which the controller acts (Ziegler et al. 2019, section 2.2)"),
        5000,
        unit=_("answers"),
        above=0,
    )
    kl_stop: float = setting(
        _(
            "end the run, keeping the last good step, when KL per answer exceeds this: in the demonstration "
            "accuracy falls below where it began at 6 to 8 nats, whatever the rankings"
        ),
        6.0,
        unit=_("nats"),
        above=0,
    )
    kl_epoch_stop: float = setting(
        _("leave a rollout's passes early at this KL per token to its own policy"),
        0.1,
        unit=_("nats"),
        above=0,
    )

    calibration_answers: int = setting(
        _("answers of the reference whose scores give the mean and deviation that scores are measured in"),
        256,
        unit=_("answers"),
        least=2,
    )
    uncertainty_penalty: float = setting(
        _("taken from the score for each unit of variance among the members of a reward ensemble"),
        0.0,
        least=0,
    )
    short_penalty: float = setting(
        _(
            "taken off a normalised score for an empty answer, and the less, the nearer its length comes to "
            "the mean of the reference's answers that ended; 0 turns it off"
        ),
        0.0,
        least=0,
    )
    score_clip: float = setting(
        _("normalised scores are cut to this magnitude; 0 turns it off"), 5.0, least=0
    )
    missing_eos_penalty: float = setting(
        _("taken from the score of an answer that does not end"), 2.0, least=0
    )

    checkpoint_every: int = setting(_("iterations between checkpoints"), 10, unit=_("iterations"), above=0)
    samples_every: int = setting(
        _("iterations between answers that are kept for people to read"), 5, unit=_("iterations"), above=0
    )

    @property
    def shared_rows(self) -> int:
        return min(self.batch_size // self.minibatches, self.calibration_answers)

    def validate(self) -> None:
        super().validate()
        require(self.minibatches <= self.batch_size, "minibatches must not exceed batch_size.")
        require(
            self.kl_target == 0 or self.kl_horizon >= self.batch_size,
            "kl_horizon must not be less than batch_size.",
        )
