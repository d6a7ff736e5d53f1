"""Projects and their settings."""

from typing import Any, Self
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotator.codes.currencies import check_currency
from annotator.codes.time_zones import check_zone, zone_names
from annotator.limits import FEWEST_ANSWERS, MOST_ANSWERS

from .criteria import check_criteria
from .flags import FlagKind, check_flags_off
from .gold_rate import check_gold_every
from .groups import check_groups
from .hidden_words import check_hidden_words
from .licences import Licence
from .users import User


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: User) -> Self:
        """The projects that the user is a member of, in any role."""
        return self.filter(memberships__user=user)


class Project(models.Model):
    """One chatbot being aligned: its base model, system prompt, guidelines and members.

    Its guidelines are versions of their own, see GuidelinesVersion.
    """

    class Sampling(models.TextChoices):
        """How the answers that a round compares are chosen from those that were sampled."""

        UNIFORM = "uniform", _("By chance")
        INFORMATION = "information", _("Where a judgment should tell most")
        LARGE_GAP = "large_gap", _("Where one should be clearly better")
        NEAR_TIE = "near_tie", _("Where it is hardest to foretell which is better")

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    system_prompt = models.TextField(blank=True, help_text=_("Put before every conversation."))
    base_model = models.CharField(
        max_length=500, help_text="A folder on this machine, or a model of the Hugging Face hub."
    )
    completions_per_comparison = models.PositiveSmallIntegerField(
        default=4, validators=[MinValueValidator(FEWEST_ANSWERS), MaxValueValidator(MOST_ANSWERS)]
    )
    judgments_per_comparison = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(50)]
    )
    most_judgments_per_comparison = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="Of one whose votes settle little; empty for no more than of the others.",
    )
    sampling = models.CharField(max_length=11, choices=Sampling.choices, default=Sampling.UNIFORM)
    gold_every = models.PositiveSmallIntegerField(
        default=20,
        validators=[check_gold_every],
        help_text="One comparison in so many is a gold question, where there are some; 0 for none.",
    )
    assignment_minutes = models.PositiveSmallIntegerField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(1440)],
        help_text=_("How long a volunteer may hold a comparison before it is offered to others."),
    )
    flags_off: Any = models.JSONField(
        default=list,
        blank=True,
        validators=[check_flags_off],
        help_text="The flags that volunteers are not shown, so that a new kind is shown everywhere.",
    )
    criteria: Any = models.JSONField(
        default=list,
        blank=True,
        validators=[check_criteria],
        help_text="Names of what volunteers may rate each answer on, from 1 to 5, beside ranking it.",
    )
    leaderboard = models.BooleanField(
        default=False, help_text="Whether volunteers see who has ranked most in the round."
    )
    licence = models.CharField(
        max_length=20,
        choices=Licence.choices,
        default=Licence.CC_BY,
        help_text=_("Under which judgments are published; members agree to it before they rank."),
    )
    consent_text = models.TextField(
        blank=True, help_text="Markdown; what members agree to. Empty for the words that come with Chorus."
    )
    consent_number = models.PositiveIntegerField(
        default=1, editable=False, help_text="Counts up when what members agree to changes."
    )
    default_consent_hash = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="Of the words that came with Chorus when members were last asked anew.",
    )
    hidden_words: Any = models.JSONField(
        default=list,
        blank=True,
        validators=[check_hidden_words],
        help_text="What would tell who wrote an answer, hidden from those who rank.",
    )
    groups: Any = models.JSONField(
        default=list,
        blank=True,
        validators=[check_groups],
        help_text="Names of groups that members may say they belong to; where figures of two would give away "
        "those of few people, the earlier one is shown.",
    )
    own_groups = models.BooleanField(
        default=False, help_text="Whether members may name groups in their own words."
    )
    practice_length = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="Practice comparisons that a new volunteer is given, as far as there are so many.",
    )
    practice_pass_mark = models.PositiveSmallIntegerField(
        default=4,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="How many of them have to be right.",
    )
    offers_rewrites = models.BooleanField(
        default=True, help_text="Volunteers may write a better answer themselves, or improve one."
    )
    takes_rewrites_unread = models.BooleanField(
        default=False,
        help_text="Whether what volunteers write is learned from before a reviewer reads it.",
    )
    harmful_flags_bound = models.PositiveSmallIntegerField(
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text="How many people flag an answer as harmful before it is withheld from the others.",
    )
    timezone = models.CharField(
        max_length=60,
        default="UTC",
        validators=[check_zone],
        help_text="What its times are shown in, and its schedule goes by.",
    )
    price_per_kwh = models.DecimalField(
        max_digits=12, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    price_per_hour = models.DecimalField(
        max_digits=12, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    currency = models.CharField(
        max_length=3, blank=True, validators=[check_currency], help_text="Of both prices, as ISO 4217 has it."
    )
    is_transparent = models.BooleanField(
        default=False, help_text="Whether everybody may read how it is made, without an account."
    )
    known_problems = models.TextField(blank=True, help_text="Markdown, for its public page.")
    prompts_numbered = models.PositiveIntegerField(
        default=0, editable=False, help_text="The highest number that a prompt of it has had."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(completions_per_comparison__range=(FEWEST_ANSWERS, MOST_ANSWERS)),
                name="project_completions_2_to_8",
            ),
            models.CheckConstraint(
                condition=models.Q(judgments_per_comparison__gte=1),
                name="project_judgments_at_least_1",
            ),
            models.CheckConstraint(
                condition=models.Q(most_judgments_per_comparison=None)
                | models.Q(most_judgments_per_comparison__gte=models.F("judgments_per_comparison")),
                name="project_judgments_at_most",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone; UTC where this machine does not know it, so that its pages can still be read."""
        return ZoneInfo(self.timezone if self.timezone in zone_names() else "UTC")

    @property
    def flag_kinds(self) -> list[str]:
        """The flags that volunteers are shown, in their order; a factual error is always one."""
        return [kind for kind in FlagKind.values if kind not in self.flags_off]

    @property
    def asks_groups(self) -> bool:
        """Whether its members may say which groups they belong to."""
        return bool(self.groups) or self.own_groups

    @property
    def coordinators(self) -> set[int]:
        """The ids of the users who coordinate it now."""
        return set(self.memberships.coordinators().values_list("user", flat=True))

    def clean(self) -> None:
        if self.practice_pass_mark > self.practice_length:
            words = _("This is more than the comparisons in the practice, so nobody could pass.")
            raise ValidationError({"practice_pass_mark": words})
        most = self.most_judgments_per_comparison
        if most is not None and most < self.judgments_per_comparison:
            words = _("This is fewer than every comparison gets.")
            raise ValidationError({"most_judgments_per_comparison": words})
        has_price = self.price_per_kwh is not None or self.price_per_hour is not None
        if has_price and not self.currency:
            raise ValidationError({"currency": _("A price needs a currency.")})
