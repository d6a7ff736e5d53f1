import django.db.models.deletion
from django.db import migrations, models

from ranking.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [("annotator", "0006_criteria"), ("ranking", "0007_flag_kinds")]

    operations = [
        migrations.RunPython(remove, install),
        migrations.CreateModel(
            name="Rating",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("criterion", models.CharField(max_length=40)),
                ("score", models.PositiveSmallIntegerField()),
                (
                    "completion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ratings",
                        to="annotator.completion",
                    ),
                ),
                (
                    "judgment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ratings",
                        to="ranking.judgment",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("judgment", "completion", "criterion"), name="rating_once_per_judgment"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("score__gte", 1), ("score__lte", 5)), name="score_1_to_5"
                    ),
                ],
            },
        ),
        migrations.RunPython(install, remove),
    ]
