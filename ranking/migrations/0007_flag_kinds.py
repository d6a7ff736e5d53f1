from django.db import migrations, models

KINDS = [
    ("factual_error", "Factual error"),
    ("harmful", "Harmful"),
    ("off_topic", "Off topic"),
    ("spam", "Spam or nonsense"),
    ("leaks_author", "Leaks who wrote it"),
]


class Migration(migrations.Migration):
    """Changes what Python knows of the column, not the table, so its triggers stay as they are."""

    dependencies = [("ranking", "0006_verdicts")]

    operations = [
        migrations.AlterField(
            model_name="flag",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=16),
        ),
    ]
