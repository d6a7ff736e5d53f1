import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from ranking.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("ranking", "0009_revisions"),
    ]

    operations = [
        migrations.RunPython(remove, install),
        migrations.CreateModel(
            name="LapsedSeat",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.UUIDField(help_text="The idempotency key its form carries.", unique=True)),
                (
                    "order",
                    models.JSONField(help_text="Completion ids in the order this volunteer saw them."),
                ),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lapsed",
                        to="ranking.assignment",
                    ),
                ),
                (
                    "comparison",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lapsed_seats",
                        to="ranking.comparison",
                    ),
                ),
                (
                    "volunteer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lapsed_seats",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["comparison", "volunteer"], name="lapsed_by_volunteer")
                ],
            },
        ),
        migrations.AddField(
            model_name="judgment",
            name="lapsed_seat",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="judgments",
                to="ranking.lapsedseat",
            ),
        ),
        # Until now nothing late was told apart: what was taken counts as in time.
        migrations.AddField(
            model_name="judgment",
            name="late",
            field=models.BooleanField(
                default=False, help_text="It came after the seat's time had run out."
            ),
        ),
        migrations.AlterField(
            model_name="judgment",
            name="assignment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="judgments",
                to="ranking.assignment",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("corrects", None)),
                fields=("lapsed_seat",),
                name="one_judgment_per_lapsed_seat",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("assignment__isnull", False), ("lapsed_seat__isnull", False), _connector="OR"
                ),
                name="judgment_from_a_seat",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.CheckConstraint(
                condition=models.Q(("lapsed_seat", None), ("late", True), _connector="OR"),
                name="judgment_from_a_lapsed_seat_is_late",
            ),
        ),
        migrations.RunPython(install, remove),
    ]
