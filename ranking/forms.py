"""The forms of ranking."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from annotator.models import Author, FlagKind, Project
from annotator.models.criteria import CRITERION_LENGTH

from .errors import InvalidJudgmentError
from .models import Assignment, Demonstration, Flag, Judgment, LapsedAssignment
from .models.masks import shown_text
from .services.answers import RATIONALE_LIMIT, SCORES
from .services.rewrites import REWRITE_LIMIT, Rewrite

LETTERS = "ABCDEFGH"

# What is longer than the page shows at once, in characters, a line counting for as many as it has room for.
LONG, LINE = 1200, 40

# What may be said of two answers: the ranks of A and B, and how much better the one is.
PREFERRED = {
    "a_much": (_("A is much better"), (1, 2), Judgment.Strength.MUCH_BETTER),
    "a": (_("A is better"), (1, 2), Judgment.Strength.BETTER),
    "equal": (_("About equal"), (1, 1), None),
    "b": (_("B is better"), (2, 1), Judgment.Strength.BETTER),
    "b_much": (_("B is much better"), (2, 1), Judgment.Strength.MUCH_BETTER),
}


@dataclass(frozen=True)
class Card:
    """One answer as the desk shows it, with what was entered for it so far."""

    place: int
    letter: str
    text: str
    rank: str
    flags: list[str]
    ratings: list[tuple[str, str, str]]
    """(criterion, name of its field, score as entered)."""

    @property
    def is_long(self) -> bool:
        """Fixed here, so that nothing moves once scripts have run."""
        return is_long(self.text)

    @property
    def has_other_flags(self) -> bool:
        """Whether a flag was put that the page keeps behind "Flag"."""
        return any(kind != FlagKind.FACTUAL_ERROR for kind in self.flags)


class JudgmentForm(forms.Form):
    """A volunteer's answer; its fields count the cards 1 to k in the order that the assignment shows them.

    The page names no completion: places become completions by the order that the assignment has stored. Of
    two answers it asks which is better and by how much, of more their ranks.
    """

    key = forms.UUIDField()
    verdict = forms.ChoiceField(choices=Judgment.Verdict.choices, required=False)
    reason = forms.ChoiceField(choices=Judgment.Reason.choices, required=False)
    rationale = forms.CharField(required=False, max_length=RATIONALE_LIMIT, label=_("Reason"))
    seconds = forms.FloatField(required=False, min_value=0)
    rewrite = forms.CharField(required=False)  # its length counts as it is stored
    rewrite_limit = REWRITE_LIMIT

    def __init__(
        self,
        *args: Any,
        assignment: Assignment | LapsedAssignment,
        more_criteria: Iterable[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.assignment = assignment
        self.address = assignment.assignment_id if isinstance(assignment, LapsedAssignment) else assignment.pk
        self.places = range(1, len(assignment.order) + 1)
        self.is_pair = len(assignment.order) == 2
        self.criteria = tuple(dict.fromkeys([*assignment.round.project.criteria, *more_criteria]))
        self.fields |= _fields_of_answers(len(assignment.order), self.criteria)

    def clean_verdict(self) -> str:
        """The button that was pressed; Enter in a field presses none and submits the ranks."""
        return self.cleaned_data["verdict"] or Judgment.Verdict.RANKED.value

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.is_pair and data.get("verdict") == Judgment.Verdict.RANKED and data.get("preferred") == "":
            self.add_error("preferred", _("Say which answer is better, or that they are about equal."))
        for criterion in sorted(self._ratings_not_asked_for()):
            self.add_error(
                None,
                _(
                    "The project no longer asks for a rating by “%s”, so that rating is gone. "
                    "Look over the rest and submit again."
                )
                % criterion[:CRITERION_LENGTH],
            )
        return data

    def _ratings_not_asked_for(self) -> set[str]:
        """Criteria that the sent page still showed and the project has removed meanwhile."""
        criteria = set()
        for place in self.places:
            start = f"rating_{place}_"
            criteria |= {
                name.removeprefix(start) for name in self.data if name.startswith(start) and self.data[name]
            }
        return criteria.difference(self.criteria)

    def answer(self) -> dict[str, Any]:
        """What `submit_judgment` is given: what was entered, less what the verdict leaves without meaning."""
        data = self.cleaned_data
        said = {
            "verdict": data["verdict"],
            "flags": self.flags(),
            "ratings": self.ratings(),
            "rationale": data["rationale"],
        }
        if data["verdict"] == Judgment.Verdict.RANKED:
            ranks = self.ranks()
            return said | {"ranks": ranks, "strength": self.strength(), "rewrite": self.rewritten(ranks)}
        reason = data["reason"] if data["verdict"] == Judgment.Verdict.CANNOT_RANK else ""
        return said | {"ranks": {}, "reason": reason, "rewrite": self.rewritten({})}

    def seconds_spent(self) -> float | None:
        """Since the page showed it, where its script says so; never more than since it was assigned."""
        seconds: float | None = self.cleaned_data["seconds"]
        if seconds is None or self.assignment.claimed_at is None:
            return None
        return min(seconds, (timezone.now() - self.assignment.claimed_at).total_seconds())

    def ranks(self) -> dict[int, int]:
        """The ranks that were given, by completion."""
        if self.is_pair:
            _words, ranks, _strength = PREFERRED[self.cleaned_data["preferred"]]
            return dict(zip(self.assignment.order, ranks, strict=True))
        return {completion: rank for completion, rank in self._entered("rank") if rank is not None}

    def strength(self) -> int | None:
        """Of two answers, how much better the one is; None where they tie."""
        return PREFERRED[self.cleaned_data["preferred"]][2] if self.is_pair else None

    def rewritten(self, ranks: dict[int, int]) -> Rewrite | None:
        """What they wrote in the place of the answer that they chose, else of the first of the best."""
        if not (text := self.cleaned_data["rewrite"]):
            return None
        if place := self.cleaned_data["rewrite_of"]:
            return {"original": self.assignment.order[place - 1], "text": text}
        if not ranks:
            raise InvalidJudgmentError(_("Choose which answer you started from, for what you wrote."))
        best = min(self.assignment.order, key=lambda completion: ranks.get(completion, len(ranks)))
        return {"original": best, "text": text}

    @property
    def shows_rewrite(self) -> bool:
        """Where the project asks for it, and where something was written."""
        return self.assignment.round.project.offers_rewrites or bool(self["rewrite"].value())

    def flags(self) -> dict[int, list[str]]:
        return dict(self._entered("flags"))

    def ratings(self) -> dict[int, dict[str, int]]:
        """The scores that were given, by completion and criterion."""
        return {
            completion: {
                criterion: score
                for criterion in self.criteria
                if (score := self.cleaned_data[f"rating_{place}_{criterion}"]) is not None
            }
            for place, completion in zip(self.places, self.assignment.order, strict=True)
        }

    def flag_kinds(self) -> list[tuple[str, str]]:
        """(kind, words) of the flags to show: those of the project, and any that were put already."""
        put = {kind for place in self.places for kind in self[f"flags_{place}"].value() or []}
        shown = put.union(self.assignment.round.project.flag_kinds)
        return [(kind.value, str(kind.label)) for kind in FlagKind if kind.value in shown]

    def has_long_conversation(self) -> bool:
        return is_long("\n".join(each["content"] for each in self.assignment.comparison.prompt.conversation))

    def scores(self) -> list[str]:
        return [str(score) for score in SCORES]

    @cached_property
    def cards(self) -> list[Card]:
        return [
            Card(
                place=place,
                letter=LETTERS[place - 1],
                text=shown_text(completion),
                rank="" if self.is_pair else str(self[f"rank_{place}"].value() or ""),
                flags=self[f"flags_{place}"].value() or [],
                ratings=[
                    (criterion, name, str(self[name].value() or ""))
                    for criterion in self.criteria
                    for name in [f"rating_{place}_{criterion}"]
                ],
            )
            for place, completion in zip(self.places, self.assignment.shown, strict=True)
        ]

    def _entered(self, field: str) -> Iterator[tuple[int, Any]]:
        for place, completion in zip(self.places, self.assignment.order, strict=True):
            yield completion, self.cleaned_data[f"{field}_{place}"]


class CorrectionForm(JudgmentForm):
    """What the volunteer said before, to be said anew under a key of its own."""

    def __init__(self, *args: Any, judgment: Judgment, **kwargs: Any) -> None:
        self.judgment = judgment
        assignment = judgment.shown_assignment
        ratings = judgment.ratings.values_list("completion_id", "criterion", "score")
        place_of = {completion: place for place, completion in enumerate(assignment.order, start=1)}
        initial: dict[str, Any] = {
            "key": uuid.uuid4(),
            "rationale": judgment.rationale,
            "reason": judgment.reason,
            "preferred": _preferred(judgment, assignment),
            **_rewritten(judgment, place_of),
            **{f"rank_{place_of[one.completion_id]}": one.rank for one in judgment.ranks.all()},
            **{f"rating_{place_of[pk]}_{criterion}": score for pk, criterion, score in ratings},
        }
        for flag in judgment.flags.all():
            initial.setdefault(f"flags_{place_of[flag.completion_id]}", []).append(flag.kind)
        criteria = [criterion for _pk, criterion, _score in ratings]
        super().__init__(*args, assignment=assignment, more_criteria=criteria, initial=initial, **kwargs)

    def sent_key(self) -> str:
        """The key to send it with: the one it was sent with before, if that was one."""
        return str(uuid.uuid4() if "key" in self.errors else self["key"].value())


@lru_cache(maxsize=64)
def _fields_of_answers(number: int, criteria: tuple[str, ...]) -> dict[str, forms.Field]:
    """What is asked of so many answers. Forms share the fields, which keep nothing of what was entered."""
    places = range(1, number + 1)
    letters = [(place, LETTERS[place - 1]) for place in places]
    fields: dict[str, forms.Field] = {"rewrite_of": _number_of(letters)}
    if number == 2:
        steps = [(value, words) for value, (words, *_rest) in PREFERRED.items()]
        fields["preferred"] = forms.ChoiceField(choices=steps, required=False)
    for place in places:
        for criterion in criteria:
            fields[f"rating_{place}_{criterion}"] = _number_of([(score, score) for score in SCORES])
        if number > 2:
            fields[f"rank_{place}"] = _number_of([(rank, rank) for rank in places])
        fields[f"flags_{place}"] = forms.MultipleChoiceField(choices=Flag.Kind.choices, required=False)
    return fields


def _number_of(choices: list[tuple[int, Any]]) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(choices=choices, coerce=int, empty_value=None, required=False)


def is_long(text: str) -> bool:
    """Whether the page may fold it."""
    return len(text) + LINE * text.count("\n") > LONG


def _preferred(judgment: Judgment, assignment: Assignment | LapsedAssignment) -> str:
    """Of two answers, which choice the judgment was; empty where it ranks none."""
    rank_of = {one.completion_id: one.rank for one in judgment.ranks.all()}
    ranks = tuple(rank_of[completion] for completion in assignment.order if completion in rank_of)
    # A program may have said only which is better.
    strength = judgment.strength or (Judgment.Strength.BETTER if len(set(ranks)) == 2 else None)
    matches = (value for value, (_words, *said) in PREFERRED.items() if said == [ranks, strength])
    return next(matches, "")


def _rewritten(judgment: Judgment, place_of: dict[int, int]) -> dict[str, Any]:
    """What they wrote themselves, and in the place of which answer."""
    one = Demonstration.objects.filter(judgment=judgment).select_related("completion").first()
    return {"rewrite": one.completion.text, "rewrite_of": place_of[one.original_id]} if one else {}


class OpenRoundForm(forms.Form):
    author = forms.ModelChoiceField(
        Author.objects.none(), label=_("Answers by"), help_text=_("Whose answers are compared.")
    )
    comparisons_per_prompt = forms.IntegerField(
        label=_("Comparisons for each prompt"), min_value=1, max_value=100, initial=1
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        authors = project.authors.exclude(kind=Author.Kind.PERSON).filter(completions__isnull=False)
        field = self.fields["author"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = authors.distinct().order_by("-pk")
        field.initial = field.queryset.first()
