from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Count
from django.db.models.functions import TruncDate

from ranking.triggers import install, remove


def count_what_is_there(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Seats of every round, and tallies of the judgments that were given before there were any."""
    for current in apps.get_model("ranking", "Round").objects.annotate(count=Count("assignments")):
        current.seats = current.count
        current.save(update_fields=["seats"])
    first = apps.get_model("ranking", "Judgment").objects.filter(corrects=None).order_by()
    judgments = first.annotate(day=TruncDate("created_at"))
    rows = judgments.values_list("comparison__round", "volunteer", "day").annotate(
        count=Count("pk"), seats=Count("assignment")
    )
    tally = apps.get_model("ranking", "Tally")
    tally.objects.bulk_create(
        tally(round_id=current, volunteer_id=volunteer, day=day, judgments=count, seats=seats)
        for current, volunteer, day, count, seats in rows
    )


class Migration(migrations.Migration):
    dependencies = [
        ("ranking", "0010_late_judgments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(remove, install),
        migrations.AddField(
            model_name="round",
            name="seats",
            field=models.PositiveIntegerField(
                default=0, help_text="Of all its comparisons; no seat is added later."
            ),
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("judgments", models.PositiveIntegerField(default=0)),
                (
                    "seats",
                    models.PositiveIntegerField(
                        default=0, help_text="How many of them filled a seat: late ones may have none."
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tallies", to="ranking.round"
                    ),
                ),
                (
                    "volunteer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("round", "volunteer", "day"), name="tally_once_a_day")
                ],
            },
        ),
        migrations.RunPython(count_what_is_there, migrations.RunPython.noop),
        migrations.RunPython(install, remove),
    ]
