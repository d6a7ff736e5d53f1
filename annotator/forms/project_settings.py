"""The form of a project's settings."""

from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from annotator.codes.time_zones import zone_choices
from annotator.limits import FEWEST_ANSWERS, MOST_ANSWERS
from annotator.models import FlagKind, GuidelinesVersion, Project
from annotator.settings_sections import SECTIONS, Section

from .compared import ComparedForm
from .fields import CodeField, LinesField


class ProjectForm(ComparedForm, forms.ModelForm):
    """One section of a project's settings."""

    description = forms.CharField(
        required=False, max_length=2000, label=_("Description"), widget=forms.Textarea(attrs={"rows": 3})
    )
    guidelines = forms.CharField(
        required=False,
        max_length=20_000,
        label=_("Guidelines"),
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_("Markdown. When you change them, everybody is shown once what changed."),
    )
    consent_text = forms.CharField(
        required=False,
        max_length=20_000,
        label=_("What volunteers agree to"),
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_(
            "Markdown: what is stored, what is published, how to withdraw. Leave it empty to use the "
            "words that come with Chorus. Change it, and everybody is asked again."
        ),
    )
    known_problems = forms.CharField(
        required=False,
        max_length=20_000,
        label=_("Known problems"),
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_(
            "Markdown: what the chatbot gets wrong, as far as you know. What was measured is told beside it."
        ),
    )
    system_prompt = forms.CharField(
        required=False,
        max_length=20_000,
        label=_("System prompt"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Put before every conversation."),
    )
    timezone = forms.ChoiceField(
        label=_("Time zone"),
        choices=zone_choices,
        help_text=_("The times on all pages of the project are in it, and the schedule goes by it."),
    )
    currency = CodeField(
        label=_("Currency"),
        required=False,
        max_length=3,
        help_text=_("Its code of three letters, such as EUR, KES or USD."),
    )
    flags_off = forms.MultipleChoiceField(
        label=_("Flags that volunteers are not shown"),
        choices=[(kind.value, kind.label) for kind in FlagKind if kind != FlagKind.FACTUAL_ERROR],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A factual error can always be flagged: ranks alone say too little about facts."),
    )
    criteria = LinesField(
        label=_("Criteria, one a line"),
        required=False,
        max_length=1000,
        help_text=_("What volunteers may rate each answer on, 1 to 5, such as accuracy, clarity, tone."),
    )
    groups = LinesField(
        label=_("Groups, one a line"),
        required=False,
        max_length=3000,
        help_text=_(
            "Such as: farmers, people under 30. Volunteers may say which they belong to; nobody sees who "
            "did. Where the figures of two would give away those of few people, the earlier one is shown."
        ),
    )
    hidden_words = LinesField(
        label=_("Words to hide in answers, one a line"),
        required=False,
        max_length=15_000,
        help_text=_(
            "Names that show who wrote an answer, beyond those that Chorus knows. From the next round on."
        ),
    )

    class Meta:
        model = Project
        fields = tuple(name for section in SECTIONS.values() for name in section.fields)
        labels = {
            "name": _("Name"),
            "guidelines": _("Guidelines"),
            "completions_per_comparison": _("Completions per comparison"),
            "judgments_per_comparison": _("Judgments per comparison"),
            "most_judgments_per_comparison": _("Judgments where people disagree, at most"),
            "sampling": _("Which answers are compared"),
            "gold_every": _("One gold question in so many comparisons"),
            "assignment_minutes": _("Minutes that an assignment is held"),
            "licence": _("Licence of the judgments"),
            "practice_length": _("Comparisons in the practice"),
            "practice_pass_mark": _("How many of them have to be right"),
            "offers_rewrites": _("Volunteers may write a better answer"),
            "takes_rewrites_unread": _("What volunteers write is accepted without review"),
            "harmful_flags_bound": _("People who flag an answer as harmful before others no longer get it"),
            "is_transparent": _("Everybody may read how this chatbot is made"),
            "price_per_kwh": _("Price of a kilowatt-hour"),
            "price_per_hour": _("Price of an hour of the machine"),
            "own_groups": _("Volunteers may name groups in their own words"),
            "leaderboard": _("Show volunteers who has ranked most in the round"),
        }
        help_texts = {
            "licence": _("Volunteers agree to it before they rank. Change it, and everybody is asked again."),
            "practice_length": _("How many a new volunteer gets, if there are that many."),
            "practice_pass_mark": _("They may try twice; then you are asked."),
            "completions_per_comparison": format_lazy(
                _("{fewest} to {most}. It counts from the next round on."),
                fewest=FEWEST_ANSWERS,
                most=MOST_ANSWERS,
            ),
            "judgments_per_comparison": _(
                "How many volunteers judge each comparison, from the next round on."
            ),
            "most_judgments_per_comparison": _(
                "A comparison on which people disagree goes to one more volunteer after the other, until so "
                "many have judged it. Leave it empty for no more than the number above."
            ),
            "sampling": _(
                "From the first update on, the reward model can choose them out of twice as many. One choice "
                "in five, and all of held-out prompts, are left to chance."
            ),
            "gold_every": _(
                "Comparisons whose right answer you know show how reliable people are. They are mixed in, "
                "and nobody can tell them from the others. 20 is one in twenty; 0 asks none."
            ),
            "leaderboard": _(
                "Given names and numbers only; anyone can take theirs off. It rewards speed, so think twice."
            ),
            "own_groups": _("Spelling counts: ten people have to use the same words."),
            "is_transparent": _(
                "A public page, without an account: rounds, datasets, versions, tests, energy and "
                "withdrawals in numbers. It has no names, no prompts and no texts of volunteers."
            ),
            "price_per_kwh": _(
                "What electricity costs you. With a price, each update says what it costs, before and after."
            ),
            "price_per_hour": _(
                "What a rented machine costs, or what your own loses in value. Leave it empty if it costs "
                "nothing more."
            ),
            "offers_rewrites": _(
                "What they write goes into datasets, for the chatbot to learn from, "
                "once a reviewer accepted it."
            ),
            "takes_rewrites_unread": _(
                "Then it goes into datasets at once. What waits already still needs a decision."
            ),
            "harmful_flags_bound": _("1 to 50. It waits for a reviewer then, who keeps it or takes it out."),
        }

    def __init__(self, section: Section, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {name: self.fields[name] for name in section.fields}
        shown = GuidelinesVersion.objects.current(self.instance)
        self.initial["guidelines"] = shown.text if shown else ""
