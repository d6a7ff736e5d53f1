"""The guidelines that a project had become its version 1; its members have read it, and have come in.

Nobody has agreed to anything yet, so that everybody is asked once before the next comparison.
"""

from typing import Any

from django.db import migrations
from django.db.models import F


def keep(apps: Any, schema_editor: Any) -> None:
    Project = apps.get_model("annotator", "Project")
    GuidelinesVersion = apps.get_model("annotator", "GuidelinesVersion")
    Membership = apps.get_model("annotator", "Membership")
    written = Project.objects.exclude(guidelines="")
    GuidelinesVersion.objects.bulk_create(
        GuidelinesVersion(project_id=pk, number=1, text=text)
        for pk, text in written.values_list("pk", "guidelines")
    )
    Membership.objects.filter(project__in=written).update(guidelines_read=1)
    Membership.objects.update(came_in_at=F("created_at"))


def give_back(apps: Any, schema_editor: Any) -> None:
    Project = apps.get_model("annotator", "Project")
    GuidelinesVersion = apps.get_model("annotator", "GuidelinesVersion")
    for version in GuidelinesVersion.objects.order_by("number"):
        Project.objects.filter(pk=version.project_id).update(guidelines=version.text)


class Migration(migrations.Migration):
    dependencies = [("annotator", "0009_reading")]

    operations = [migrations.RunPython(keep, give_back)]
