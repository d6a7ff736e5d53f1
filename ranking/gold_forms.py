"""The form by which coordinators mark a comparison as a gold question."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .services.browsing.reading import JudgmentLine


class GoldForm(forms.Form):
    """A rank for each answer, by its letter on the judgment's page, at first as that judgment gave them."""

    why = forms.CharField(
        label=_("Why these ranks are right"),
        required=False,
        max_length=2000,
        help_text=_("For you and the other coordinators."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, data: Any = None, *, line: JudgmentLine) -> None:
        super().__init__(data)
        self.line = line
        ranks = [(rank, rank) for rank in range(1, len(line.answers) + 1)]
        for answer in line.answers:
            self.fields[f"rank_{answer.letter}"] = forms.TypedChoiceField(
                label=_("Rank of answer %s") % answer.letter,
                choices=[("", "–"), *ranks],
                coerce=int,
                initial=answer.rank,
            )
        self.order_fields([*(f"rank_{answer.letter}" for answer in line.answers), "why"])

    def ranks(self) -> dict[int, int]:
        """The ranks by completion."""
        order = self.line.judgment.shown_assignment.order
        letters = [answer.letter for answer in self.line.answers]
        return {
            completion: self.cleaned_data[f"rank_{letter}"]
            for letter, completion in zip(letters, order, strict=True)
        }
