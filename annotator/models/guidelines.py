"""A project's guidelines, version by version."""

from typing import ClassVar

from django.db import models

from .projects import Project
from .users import User


class GuidelinesManager(models.Manager["GuidelinesVersion"]):
    def current(self, project: Project) -> "GuidelinesVersion | None":
        """The newest version; None if there is none."""
        return self.filter(project=project).first()


class GuidelinesVersion(models.Model):
    """One version of a project's guidelines; the newest is shown, the others are kept."""

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
        """The previous version."""
        return GuidelinesVersion.objects.filter(project=self.project_id, number=self.number - 1).first()
