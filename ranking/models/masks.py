"""Names hidden in completions, so that volunteers judge blind."""

from pathlib import PurePath
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.models import Author, Completion, FlagKind, Project, User
from ranking.masking.detection import find_names, hide

from .judgments import Flag


class Mask(models.Model):
    """Where a completion names the model that wrote it, and what a reviewer says of hiding that.

    It is hidden from those who rank until a reviewer says otherwise; what is stored and what goes into
    datasets stays as it is. One that was only flagged has a mask without spans once it is decided.
    """

    class Decision(models.TextChoices):
        OPEN = "", gettext_lazy("To decide")
        STAYS = "stays", gettext_lazy("Decided")
        SHOWN = "shown", gettext_lazy("Shown as it is")

    completion = models.OneToOneField(Completion, on_delete=models.CASCADE, related_name="mask")
    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        related_name="masks",
        help_text="The completion's, kept here so that a project's masks are found by one index.",
    )
    spans: Any = models.JSONField(
        default=list, blank=True, help_text="[start, end] of each name, in characters, in order and apart."
    )
    decision = models.CharField(max_length=5, choices=Decision.choices, default=Decision.OPEN, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"Mask of completion {self.completion_id}"

    @property
    def hides(self) -> bool:
        """Whether anything is hidden from volunteers."""
        return bool(self.spans) and self.decision != self.Decision.SHOWN

    def decide(self, decision: str, actor: User) -> None:
        self.decision, self.decided_by, self.decided_at = decision, actor, timezone.now()
        self.save(update_fields=["decision", "decided_by", "decided_at"])


def shown_text(completion: Completion) -> str:
    """The text of a completion as volunteers see it, with names hidden; needs its `mask` loaded."""
    mask: Mask | None = getattr(completion, "mask", None)
    return hide(completion.text, mask.spans, hidden_mark()) if mask and mask.hides else completion.text


def own_names(project: Project) -> list[str]:
    """What the chatbot may be called: the project, its base model, its versions and what was imported."""
    authors = project.authors.exclude(kind=Author.Kind.PERSON).values_list("name", flat=True)
    return [project.name, PurePath(project.base_model).name, *authors]


def without_names(texts: list[str], project: Project, asked: str) -> list[str]:
    """Texts that are not stored completions (practice), with names hidden."""
    known: Any = {"own": own_names(project), "words": project.hidden_words, "asked": asked}
    return [hide(text, find_names(text, **known), hidden_mark()) for text in texts]


def marked_parts(completion: Completion) -> list[tuple[str, bool]]:
    """The text in parts (text, hidden)."""
    mask: Mask | None = getattr(completion, "mask", None)
    parts, position = [], 0
    for start, end in mask.spans if mask else []:
        parts += [(completion.text[position:start], False), (completion.text[start:end], True)]
        position = end
    return [*parts, (completion.text[position:], False)]


def hidden_mark() -> str:
    """What stands in the place of a name; no square brackets, which may begin a link in Markdown."""
    return _("(name hidden)")


def named_or_flagged(project: Project, *, only_open: bool = False) -> models.QuerySet[Completion]:
    """The project's completions with a mask or a "leaks who wrote it" flag, the newest first.

    `is_open` says whether a reviewer has to decide: nobody did, or it was flagged since. `only_open` leaves
    out the others.
    """
    flags = Flag.objects.filter(
        kind=FlagKind.LEAKS_AUTHOR, judgment__is_current=True, judgment__comparison__round__project=project
    )
    flagged_since = flags.filter(
        completion=OuterRef("pk"), judgment__created_at__gt=OuterRef("mask__decided_at")
    )
    masked = Mask.objects.filter(project=project).order_by()
    found = (
        Completion.objects.filter(
            Q(pk__in=masked.values("completion")) | Q(pk__in=flags.values("completion"))
        )
        .annotate(is_open=Q(mask__isnull=True) | Q(mask__decision="") | Exists(flagged_since))
        .select_related("mask", "prompt")
        .order_by("-pk")
    )
    return found.filter(is_open=True) if only_open else found
