"""Whether a version is better than the one before: in a sentence, with who says so and how sure it is.

It goes by the 95 % interval of the win rate, a tie counted as half: better where all of it lies above one
half, worse where all of it lies below, and else it cannot be told.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ranking.models import Outcome
from training.models import Evaluation, ModelVersion
from training.services.versions.candidates import REWARD_MODEL
from training.templatetags.figures import decimal, percent


class Ruling(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Verdict:
    """The sentence that leads the page, and those that say why and what to beware of."""

    ruling: Ruling
    sentence: str
    reasons: list[str]


def verdict_of(version: ModelVersion) -> Verdict | None:
    """The verdict of a version's newest evaluation; None where nothing was compared."""
    evaluation = version.evaluations.select_related("baseline").first()
    if evaluation is None or "win_rate_ties_half_low" not in evaluation.metrics:
        return None
    metrics = evaluation.metrics
    low, high = metrics["win_rate_ties_half_low"], metrics["win_rate_ties_half_high"]
    ruling = ruling_of(low, high)
    questions = int(metrics["prompts"])
    words = {
        "version": version,
        "baseline": evaluation.baseline,
        "judge": _judge(evaluation),
        "questions": ngettext("%(count)s held-out question", "%(count)s held-out questions", questions)
        % {"count": questions},
        "low": _end(low),
        "high": _end(high),
    }
    return Verdict(
        ruling,
        _sentence(ruling) % words,
        [_meaning(ruling), _("A tie counts as half."), *_cautions(evaluation)],
    )


def ruling_of(low: float, high: float) -> Ruling:
    """What the interval of a win rate says."""
    if low > 0.5:
        return Ruling.BETTER
    return Ruling.WORSE if high < 0.5 else Ruling.UNCLEAR


def _sentence(ruling: Ruling) -> str:
    # Translators: %(judge)s is "the reward model, which learned from …" or "the model …".
    return {
        Ruling.BETTER: _(
            "%(version)s is better than %(baseline)s, according to %(judge)s: on %(questions)s it won "
            "between %(low)s and %(high)s of the comparisons."
        ),
        Ruling.WORSE: _(
            "%(version)s is worse than %(baseline)s, according to %(judge)s: on %(questions)s it won "
            "between %(low)s and %(high)s of the comparisons."
        ),
        Ruling.UNCLEAR: _(
            "It cannot be told whether %(version)s is better than %(baseline)s. According to %(judge)s, it "
            "won between %(low)s and %(high)s of the comparisons on %(questions)s."
        ),
    }[ruling]


def _meaning(ruling: Ruling) -> str:
    return {
        Ruling.BETTER: _("At 50 % neither would be better, and all of that range lies above it."),
        Ruling.WORSE: _("At 50 % neither would be better, and all of that range lies below it."),
        Ruling.UNCLEAR: _(
            "At 50 % neither would be better, and that range includes it: the difference may be chance."
        ),
    }[ruling]


def _judge(evaluation: Evaluation) -> str:
    """Who judged, to stand after "according to"."""
    if evaluation.judge != REWARD_MODEL:
        return _("the model %(judge)s") % {"judge": evaluation.judge}
    learned = learned_from(evaluation.version)
    if not learned:
        return _("the reward model")
    return _("the reward model, which learned from %(learned)s") % {"learned": learned}


def learned_from(version: ModelVersion) -> str:
    """How many judgments a version and its reward model learned from, how many simulated; empty for none."""
    dataset = version.dataset
    if dataset is None or not dataset.judgments:
        return ""
    count, simulated = dataset.judgments, dataset.simulated_judgments
    words = {
        "judgments": ngettext("%(count)s judgment", "%(count)s judgments", count) % {"count": count},
        "simulated": simulated,
        "people": _people(version),
    }
    if not simulated:
        return _("%(judgments)s by %(people)s, none of them simulated") % words
    if simulated >= count:
        return _("%(judgments)s, all simulated and none by a person") % words
    return _("%(judgments)s, %(simulated)s of them simulated and the others by %(people)s") % words


def _people(version: ModelVersion) -> str:
    outcome = Outcome.objects.filter(candidate=version.author_id).first()
    count = outcome.volunteers if outcome else 0
    return ngettext("%(count)s person", "%(count)s people", count) % {"count": count}


def _cautions(evaluation: Evaluation) -> list[str]:
    """What to beware of with this judge."""
    if evaluation.judge != REWARD_MODEL:
        asked = _(
            "The judge is no person but the model %(judge)s, which was asked in both orders of the two "
            "answers."
        )
        learned = learned_from(evaluation.version)
        words = {"judge": evaluation.judge, "version": evaluation.version, "learned": learned}
        return [asked % words, *([_("%(version)s learned from %(learned)s.") % words] if learned else [])]
    pleased = _(
        "The judge is no person but the reward model that %(version)s was trained to please, so a high "
        "figure is expected."
    )
    known = evaluation.metrics.get("judge_seen_prompts")
    seen = _("It had learned from %(known)d of the questions itself, so its opinion there is worth less.")
    return [pleased % {"version": evaluation.version}, *([seen % {"known": known}] if known else [])]


def _end(share: float) -> str:
    """An end of the interval in percent; with a decimal where it would else read as one half."""
    is_beside = share != 0.5 and round(100 * share) == 50
    return f"{decimal(100 * share)}\N{NO-BREAK SPACE}%" if is_beside else percent(share)
