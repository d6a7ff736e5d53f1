import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0006_criteria"),
        ("ranking", "0011_tallies"),
    ]

    operations = [
        migrations.CreateModel(
            name="Outcome",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "judge",
                    models.CharField(
                        choices=[
                            ("people", "People, who did not know which answer was whose"),
                            ("reward_model", "A program that learned from rankings what people prefer"),
                            ("model", "Another language model"),
                        ],
                        max_length=12,
                    ),
                ),
                ("wins", models.PositiveIntegerField()),
                ("ties", models.PositiveIntegerField()),
                ("losses", models.PositiveIntegerField()),
                (
                    "volunteers",
                    models.PositiveIntegerField(
                        help_text="People whose rankings are in the dataset; simulated volunteers are not counted."
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        choices=[
                            ("waiting", "Not decided yet"),
                            ("released", "Released"),
                            ("not_released", "Not released"),
                            ("taken_back", "Released, and taken back"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "baseline",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="annotator.author"
                    ),
                ),
                (
                    "candidate",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outcome",
                        to="annotator.author",
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outcomes",
                        to="ranking.dataset",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="outcomes",
                        to="annotator.project",
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at", None), ("decision", "waiting")),
                            models.Q(
                                models.Q(("decision", "waiting"), _negated=True),
                                ("decided_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="outcome_decided_at_a_time",
                    )
                ],
            },
        ),
    ]
