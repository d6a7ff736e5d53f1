"""The forms that a new member fills in before the first comparison."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotator.imports.file_formats import BadRecordError, EmptyRecordError
from annotator.imports.prompt_files import MAX_CHARACTERS as MAX_PROMPT
from annotator.limits import FEWEST_ANSWERS, MOST_ANSWERS

from .models import PracticeComparison
from .practice_files import MAX_CHARACTERS, PracticeDraft, practice_from_record
from .questions import LETTERS


class NumberForm(forms.Form):
    """The number of the text version that the page showed."""

    number = forms.IntegerField(min_value=1, max_value=2**31 - 1)

    def number_read(self) -> int:
        """The number as sent; 0, which is no version's, for anything else."""
        return self.cleaned_data["number"] if self.is_valid() else 0


class PracticeComparisonForm(forms.Form):
    """A practice comparison as a coordinator writes it: one question, some answers and their ranks."""

    fewest_answers, most_answers = FEWEST_ANSWERS, MOST_ANSWERS

    question = forms.CharField(
        label=_("Question"), max_length=MAX_PROMPT, widget=forms.Textarea(attrs={"rows": 3})
    )
    language = forms.CharField(
        label=_("Language"), initial="en", max_length=35, help_text=_("A language tag, such as en or ar.")
    )
    why = forms.CharField(
        label=_("Why this is the right order"),
        max_length=MAX_CHARACTERS,
        help_text=_(
            "Shown after it was ranked: a sentence or two, in plain words. Name answers by what they say, "
            "not by their letter: everybody sees them in another order."
        ),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, data: Any = None, *, comparison: PracticeComparison | None = None) -> None:
        initial: dict[str, Any] = {}
        if comparison:
            initial = {
                "question": comparison.prompt.question,
                "language": comparison.language,
                "why": comparison.why,
            }
            for place, (text, rank) in enumerate(
                zip(comparison.answers, comparison.ranks, strict=True), start=1
            ):
                initial |= {f"answer_{place}": text, f"rank_{place}": rank}
        super().__init__(data, initial=initial)
        self.earlier = comparison.prompt.messages[:-1] if comparison else []
        for place, letter in enumerate(LETTERS, start=1):
            self.fields[f"answer_{place}"] = forms.CharField(
                label=_("Answer %s") % letter,
                required=False,
                max_length=MAX_CHARACTERS,
                widget=forms.Textarea(attrs={"rows": 3}),
            )
            self.fields[f"rank_{place}"] = forms.TypedChoiceField(
                label=_("Rank of answer %s") % letter,
                choices=[("", "–"), *((rank, rank) for rank in range(1, MOST_ANSWERS + 1))],
                coerce=int,
                empty_value=None,
                required=False,
            )
        self.order_fields(["question", "language"])

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        places = [place for place in range(1, MOST_ANSWERS + 1) if data[f"answer_{place}"]]
        record = {
            "messages": [*self.earlier, {"role": "user", "content": data["question"]}],
            "language": data["language"],
            "answers": [data[f"answer_{place}"] for place in places],
            "ranks": [data[f"rank_{place}"] for place in places],
            "why": data["why"],
        }
        try:
            self.draft: PracticeDraft = practice_from_record(record)
        except (BadRecordError, EmptyRecordError) as bad:
            self.add_error(None, str(bad))
        return data

    def shown(self) -> int:
        """How many answer fields the page shows: one for each answer, and at least four."""
        filled = [n for n, (text, _rank) in enumerate(self.answers(), start=1) if text.value()]
        return max([4, *filled])

    def answers(self) -> list[tuple[Any, Any]]:
        """(field of the text, field of the rank) of each answer."""
        return [(self[f"answer_{n}"], self[f"rank_{n}"]) for n in range(1, MOST_ANSWERS + 1)]


class PracticeFileForm(forms.Form):
    fewest_answers, most_answers = FEWEST_ANSWERS, MOST_ANSWERS

    file = forms.FileField(
        label=_("File with practice comparisons"),
        help_text=_("JSONL, at most 1 MiB."),
        widget=forms.FileInput(attrs={"accept": ".jsonl,.ndjson"}),
    )
