"""What a curve outside its band means, in the reader's language, its usual causes, and what to change."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from training.diagnosis import Finding
from training.templatetags.figures import decimal, percent


@dataclass(frozen=True)
class Explained:
    """A finding for people: one sentence of what was seen, the usual causes, what to change."""

    stage: str
    seen: str
    causes: str
    change: str
    step: int | None


Words = tuple[Promise, Promise, Promise]

_WORDS: dict[str, Words] = {
    "diverged": (
        _("Its numbers ran away: a loss, a gradient or the distance was no longer a finite number."),
        _("Nearly always the steps were too large. More rarely a number format is too coarse."),
        _("Lower %(stage)s.learning_rate, by half at first. If dtype is bfloat16, try float32."),
    ),
    "kl": (
        _(
            "The distance (KL) rose beyond %(bound)s nats an answer, and the training ended there "
            "(ppo.kl_stop)."
        ),
        _(
            "Something that the reward model likes lies far from what the chatbot said before, or the "
            "steps are too large."
        ),
        _(
            "Raise ppo.kl_coef, or lower ppo.learning_rate or ppo.steps. Raise ppo.kl_stop only if the "
            "answers were still good."
        ),
    ),
    "score": (
        _("The reward fell while it learned, by %(value)s deviations of the earlier version's scores."),
        _("The steps were too large, or the price of the distance outweighs what the reward model tells."),
        _("Lower ppo.learning_rate. If the distance hardly rose, lower ppo.kl_coef instead."),
    ),
    "entropy": (
        _(
            "Its answers became alike while it learned: the entropy fell from %(bound)s to %(value)s nats"
            " a token."
        ),
        _("It found one kind of answer that the reward model likes, and gives it to everything."),
        _(
            "Raise ppo.kl_coef, or lower ppo.learning_rate or ppo.steps. Read the answers before you "
            "release it."
        ),
    ),
    "cut_off": (
        _("Nearly all answers were cut off before their end: %(value)s ended by themselves."),
        _("Answers may not be long enough, or the base model never learned where an answer ends."),
        _(
            "Raise ppo.max_new_tokens. If answers ramble on, raise ppo.missing_eos_penalty, or take a "
            "base model that was made for conversations."
        ),
    ),
    "explained_variance": (
        _(
            "The value head predicts worse than a constant would: its explained variance is %(value)s, "
            "where 0 is a constant and 1 is perfect."
        ),
        _(
            "Too few answers a step, rewards that differ much from answer to answer, or too large steps "
            "of this head."
        ),
        _(
            "Raise ppo.batch_size, or lower ppo.value_learning_rate. If the reward rose all the same, it "
            "does little harm."
        ),
    ),
    "guessing": (
        _("The reward model may know no more than chance: it orders %(value)s of new pairs as people did."),
        _("There are too few judgments, people disagree about these answers, or the answers hardly differ."),
        _(
            "Collect more judgments first. Look at the agreement in the list of rounds, and say in the "
            "guidelines what makes an answer better."
        ),
    ),
    "not_learning": (
        _(
            "The reward model did not even learn the pairs that it was shown: %(value)s are right, and "
            "half is chance."
        ),
        _("The steps were too few or too small, or the judgments contradict each other."),
        _("Raise reward.epochs or reward.learning_rate. Look at the agreement in the list of rounds, too."),
    ),
    "grad_norm": (
        _(
            "The reward model's gradients stayed at %(value)s, far above the length of %(bound)s to which"
            " they are cut."
        ),
        _("The steps were too large, or few pairs, or pairs that contradict each other, pull it to and fro."),
        _("Lower reward.learning_rate, or raise reward.batch_size."),
    ),
}

_SHARES = ("cut_off", "guessing", "not_learning")


def explain_finding(finding: Finding) -> Explained:
    write = percent if finding.name in _SHARES else _number
    words = {"stage": finding.stage, "value": write(finding.value), "bound": _number(finding.bound)}
    seen, causes, change = (str(text) % words for text in _WORDS[finding.name])
    return Explained(finding.stage, seen, causes, change, finding.step)


def _number(value: float | None) -> str:
    return "" if value is None else decimal(value, 0 if value == round(value) else 2)
