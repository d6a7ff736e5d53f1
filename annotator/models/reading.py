"""What members read and agree to before they rank."""

from typing import ClassVar

from django.db import models

from .licences import Licence
from .people import Project, User


class GuidelinesManager(models.Manager["GuidelinesVersion"]):
    def current(self, project: Project) -> "GuidelinesVersion | None":
        """What the project shows; None before anything was written."""
        return self.filter(project=project).first()


class GuidelinesVersion(models.Model):
    """A project's guidelines as somebody wrote them; the last one is shown, the others stay as they were."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="guidelines_versions")
    number = models.PositiveIntegerField()
    text = models.TextField(blank=True, help_text="Markdown.")
    written_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[GuidelinesManager] = GuidelinesManager()

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=("project", "number"), name="guidelines_number_once"),)

    def __str__(self) -> str:
        return f"Guidelines {self.number} of {self.project}"

    def before(self) -> "GuidelinesVersion | None":
        """The version whose place it took."""
        return GuidelinesVersion.objects.filter(project=self.project_id, number=self.number - 1).first()


class Consent(models.Model):
    """Somebody agreed to what a project does with what they judge: the words as they were shown, and when.

    It stays as evidence when the membership ends.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="consents")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="consents")
    number = models.PositiveIntegerField(help_text="The project's `consent_number` at that time.")
    licence = models.CharField(max_length=20, choices=Licence.choices)
    words = models.TextField(help_text="Markdown, in the language in which it was read.")
    language = models.CharField(max_length=35)
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(fields=("project", "user", "number"), name="consent_once_per_number"),
        )

    def __str__(self) -> str:
        return f"{self.user} agreed to {self.project}, {self.number}"
