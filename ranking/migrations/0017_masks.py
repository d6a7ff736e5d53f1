import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("annotator", "0014_hidden_words"),
        ("ranking", "0016_practice"),
    ]

    operations = [
        migrations.CreateModel(
            name="Mask",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "spans",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="[start, end] of each name, in characters, in order and apart.",
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        blank=True,
                        choices=[("", "To decide"), ("stays", "Decided"), ("shown", "Shown as it is")],
                        default="",
                        max_length=5,
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "completion",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="mask",
                        to="annotator.completion",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        help_text="The completion's, kept here so that a project's masks are found by one index.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="masks",
                        to="annotator.project",
                    ),
                ),
            ],
            options={"ordering": ("-pk",)},
        ),
    ]
