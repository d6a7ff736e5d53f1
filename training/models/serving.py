"""Which server answers for which version, and who waits for an answer."""

from datetime import timedelta
from typing import Any, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Project

from .versions import ModelVersion

STALE = timedelta(seconds=30)
"""How long a place counts without a sign of life of the web process that holds it."""
FEWEST_TOKENS, MOST_TOKENS = 16, 4096


class ServingSettings(models.Model):
    """To whom a project's live version answers, and at what length."""

    class Audience(models.TextChoices):
        NOBODY = "nobody", _("Nobody: it is not served")
        MEMBERS = "members", _("Members of the project")
        PUBLIC = "public", _("Everybody, without an account")

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="serving_settings")
    audience = models.CharField(max_length=7, choices=Audience.choices, default=Audience.MEMBERS)
    max_answer_tokens = models.PositiveIntegerField(
        default=256, validators=[MinValueValidator(FEWEST_TOKENS), MaxValueValidator(MOST_TOKENS)]
    )

    def __str__(self) -> str:
        return str(self.get_audience_display())

    @classmethod
    def of(cls, project: Project) -> "ServingSettings":
        """The project's settings; the defaults where nobody has set any."""
        return cls.objects.filter(project=project).first() or cls(project=project)


class ModelServer(models.Model):
    """A server that runs: one base model with adapters, or an endpoint that somebody else runs.

    Its row is there before a request may go to it, and until the last one has ended.
    """

    base = models.CharField(max_length=100, blank=True, help_text="As in Export; empty for an endpoint.")
    adapters: Any = models.JSONField(default=list, help_text="As in Export, in the order of their ids.")
    address = models.CharField(max_length=300)
    key = models.CharField(max_length=200, help_text="Made anew for each server, which has no other user.")
    slots = models.PositiveSmallIntegerField(help_text="Requests that it answers at once.")
    context = models.PositiveIntegerField(null=True, help_text="Tokens of a conversation with its answer.")
    control_tokens: Any = models.JSONField(default=list, help_text="As in the export's base.json.")
    is_draining = models.BooleanField(default=False, help_text="It finishes what it has begun.")
    started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.address

    @property
    def is_endpoint(self) -> bool:
        return not self.base


class Served(models.Model):
    """What answers for a project; without a server nothing does just now."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="served")
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, null=True, related_name="+")
    server = models.ForeignKey(ModelServer, on_delete=models.SET_NULL, null=True, related_name="serves")
    since = models.DateTimeField(default=timezone.now)
    problem = models.TextField(blank=True, help_text="Why the live version is not served.")

    def __str__(self) -> str:
        return f"{self.project}: {self.version}"


class QueuePlaceQuerySet(models.QuerySet["QueuePlace"]):
    def alive(self) -> Self:
        """Those whose web process lives; one that was killed could not take its places back."""
        return self.filter(seen_at__gt=timezone.now() - STALE)


class QueuePlace(models.Model):
    """A request's place at a server, which answers as many as it has slots, those with the lowest numbers."""

    server = models.ForeignKey(ModelServer, on_delete=models.CASCADE, related_name="places")
    who = models.CharField(max_length=64, db_index=True, help_text="A hash; it has to be the same again.")
    seen_at = models.DateTimeField(default=timezone.now)

    objects = QueuePlaceQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.pk} at {self.server_id}"

    def ahead(self) -> int:
        """How many came before it, and are not done."""
        return QueuePlace.objects.alive().filter(server=self.server_id, pk__lt=self.pk).count()

    def renew(self) -> None:
        QueuePlace.objects.filter(pk=self.pk).update(seen_at=timezone.now())
