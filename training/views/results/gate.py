"""What a version must pass before release: which of it holds, and what people said in the blind test."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotator.limits import FEWEST_PEOPLE
from ranking.models import Judgment
from ranking.models.divided import divided_in
from ranking.models.reliability import fit_of
from ranking.statistics.sequential import LOOKS
from training.models import BlindTest, ModelVersion
from training.services.gate.conditions import Rule, conditions_of
from training.services.gate.slices import Kind, Slice, slices_of
from training.templatetags.figures import percent

FEW = 0.01
"""A verdict that so small a share of the votes would turn rests on few."""
Verdict = BlindTest.Verdict


@dataclass(frozen=True)
class Line:
    """One condition: whether it holds (None: not known), and what that means."""

    holds: bool | None
    words: str


@dataclass(frozen=True)
class Table:
    """The slices of one kind: what the kind is called, what its sizes count, and what its reward is."""

    slices: list[Slice]
    title: str
    sized: str
    reward: str


@dataclass(frozen=True)
class GateView:
    """The conditions, and the test of people with the sentences about it."""

    lines: list[Line]
    test: BlindTest | None
    sentences: list[str]
    percent: int
    slices: list[Slice]

    @property
    def fewest(self) -> int:
        """How many people a group's figures are about at least."""
        return FEWEST_PEOPLE

    @property
    def of_prompts(self) -> list[Table]:
        """The tables of languages and of tags, where there are some."""
        words = {Kind.LANGUAGE: _("Language"), Kind.TAG: _("Tag")}
        columns = (_("Held-out questions"), _("Rise of score"))
        return [Table(found, title, *columns) for kind, title in words.items() if (found := self._of(kind))]

    @property
    def of_groups(self) -> Table | None:
        found = self._of(Kind.GROUP)
        return Table(found, _("Group"), _("People"), _("Reward model agrees")) if found else None

    def _of(self, kind: Kind) -> list[Slice]:
        return [each for each in self.slices if each.kind == kind]

    @property
    def passed(self) -> list[Line]:
        return [line for line in self.lines if line.holds]

    @property
    def failed(self) -> list[Line]:
        return [line for line in self.lines if line.holds is False]


def gate_of(version: ModelVersion) -> GateView | None:
    """None for a version that nothing was measured of."""
    conditions = conditions_of(version)
    if not conditions:
        return None
    test = BlindTest.objects.select_related("baseline", "round").filter(candidate=version).first()
    lines = [Line(each.holds, _words(each.rule, each.holds)) for each in conditions]
    done = min(100, 100 * test.votes // LOOKS[-1]) if test else 0
    return GateView(lines, test, _sentences(version, test) if test else [], done, slices_of(version))


def _words(rule: Rule, holds: bool | None) -> str:
    words = {
        Rule.ACCURACY: (
            _("On new questions the reward model agrees with people more often than chance."),
            _("On new questions the reward model does not agree with people clearly more often than chance."),
            _("How often the reward model agrees with people was not measured."),
        ),
        Rule.WIN_RATE: (
            _("On held-out questions its answers score better."),
            _("On held-out questions its answers do not clearly score better."),
            _("Whether its answers score better was not measured."),
        ),
        Rule.WATCHES: (
            _("No limit was crossed."),
            _("A limit was crossed: see what the evaluation noticed."),
            _("Whether a limit was crossed was not measured."),
        ),
        Rule.SAFETY: (
            _("Its answers to the safety questions are no worse."),
            _("More of its answers to the safety questions are unsafe than before."),
            _("The answers to the safety questions were not measured."),
        ),
        Rule.LANGUAGES: (
            _("In no language is it clearly worse."),
            _("In a language it is clearly worse: see the table."),
            "",
        ),
        Rule.TAGS: (
            _("On no subject is it clearly worse."),
            _("On a subject it is clearly worse: see the table."),
            "",
        ),
        Rule.GROUPS: (
            _("For no group of people is it clearly worse."),
            _("For a group of people it is clearly worse: see the table."),
            "",
        ),
        Rule.PEOPLE: (
            _("People prefer its answers, without knowing whose they are."),
            _("People do not prefer its answers in the blind test."),
            _("People have not decided yet which answers they prefer."),
        ),
    }[rule]
    return words[2] if holds is None else words[0 if holds else 1]


def _sentences(version: ModelVersion, test: BlindTest) -> list[str]:
    """What the votes say, from how many, and how far to trust it."""
    words = {
        "votes": ngettext("%(count)d vote", "%(count)d votes", test.votes) % {"count": test.votes},
        "people": ngettext("%(count)d person", "%(count)d people", test.people) % {"count": test.people},
        "simulated": test.simulated_votes,
        "version": version,
        "baseline": test.baseline,
        "mean": percent(test.mean),
        "low": percent(test.low),
        "high": percent(test.high),
        "shrunken": percent(test.shrunken),
    }
    count = _("%(votes)s by %(people)s so far.") if test.is_open else _("%(votes)s by %(people)s.")
    said = [count % words]
    if test.mean is not None:
        won = _(
            "%(version)s won %(mean)s against %(baseline)s, a tie counted as half: surely between %(low)s "
            "and %(high)s (95 in 100 such tests, however often one looks)."
        )
        said.append(won % words)
        if not test.is_open:
            guess = _("A test stops when luck has carried it far enough: %(shrunken)s is the better guess.")
            said += [guess % words, *_about_leverage(test)]
    judgments = Judgment.objects.filter(is_current=True, comparison__in=test.comparisons.all())
    if divided := len(divided_in(judgments, fit_of(version.project))):
        taste = ngettext(
            "On %(count)d pair of answers people are divided, by taste and not by mistake.",
            "On %(count)d pairs of answers people are divided, by taste and not by mistake.",
            divided,
        )
        said.append(taste % {"count": divided})
    if test.simulated_votes:
        said.append(_("%(simulated)d of the votes are simulated and of no person.") % words)
    return said


def _about_leverage(test: BlindTest) -> list[str]:
    """On how few votes the verdict rests."""
    said = []
    if test.turning_share is not None:
        turning = {"number": test.turning_votes, "of": test.votes}
        said.append(_("Without %(number)d of the %(of)d votes it would say otherwise.") % turning)
        if test.turning_share < FEW:
            said.append(_("This rests on few votes."))
    if test.one_person_turns:
        said.append(_("Without the votes of one person it would say otherwise."))
    return said
