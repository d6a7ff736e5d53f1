import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

LICENCES = [("CC-BY-4.0", "CC BY 4.0"), ("CC-BY-SA-4.0", "CC BY-SA 4.0"), ("CC0-1.0", "CC0 1.0")]


class Migration(migrations.Migration):
    dependencies = [("annotator", "0008_offers_rewrites")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="came_in_at",
            field=models.DateTimeField(
                blank=True, help_text="When they could rank for the first time.", null=True
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="guidelines_read",
            field=models.PositiveIntegerField(
                default=0, help_text="Number of the guidelines that they read last; 0 for none."
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="ready_at",
            field=models.DateTimeField(
                blank=True,
                help_text="They may rank; empty while there is something to read or to agree to before. "
                "Every visit of the desk looks at this, and only where it is empty for the reason.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="consent_number",
            field=models.PositiveIntegerField(
                default=1, editable=False, help_text="Counts up when what members agree to changes."
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="consent_words",
            field=models.TextField(
                blank=True,
                help_text="Markdown; what members agree to. Empty for the words that come with Chorus.",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="licence",
            field=models.CharField(
                choices=LICENCES,
                default="CC-BY-4.0",
                help_text="Under which judgments are published; members agree to it before they rank.",
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "number",
                    models.PositiveIntegerField(help_text="The project's `consent_number` at that time."),
                ),
                ("licence", models.CharField(choices=LICENCES, max_length=20)),
                ("words", models.TextField(help_text="Markdown, in the language in which it was read.")),
                ("language", models.CharField(max_length=35)),
                ("given_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consents",
                        to="annotator.project",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consents",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("project", "user", "number"), name="consent_once_per_number"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GuidelinesVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("text", models.TextField(blank=True, help_text="Markdown.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="guidelines_versions",
                        to="annotator.project",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-number",),
                "constraints": [
                    models.UniqueConstraint(fields=("project", "number"), name="guidelines_number_once")
                ],
            },
        ),
    ]
