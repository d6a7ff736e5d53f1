from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from annotator.models.settings import primary_language
from ranking.triggers import install, remove


def copy_from_prompts(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The languages of the rounds that are there, and of their seats."""
    seats = apps.get_model("ranking", "Assignment").objects
    for current in apps.get_model("ranking", "Round").objects.all():
        prompts = apps.get_model("annotator", "Prompt").objects.filter(comparisons__round=current)
        tags = set(prompts.values_list("language", flat=True))
        for tag in tags:
            seats.filter(round=current, comparison__prompt__language=tag).update(
                language=primary_language(tag)
            )
        current.languages = sorted({primary_language(tag) for tag in tags})
        current.save(update_fields=["languages"])


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0007_personal_settings"),
        ("ranking", "0012_outcomes"),
    ]

    operations = [
        migrations.RunPython(remove, install),
        migrations.AddField(
            model_name="round",
            name="languages",
            field=models.JSONField(
                default=list, help_text="Codes of its prompts' languages, such as `en`, regions left out."
            ),
        ),
        migrations.AddField(
            model_name="assignment",
            name="language",
            field=models.CharField(
                default="", max_length=35, help_text="Code of its prompt's language, kept here for the same reason."
            ),
            preserve_default=False,
        ),
        migrations.RunPython(copy_from_prompts, migrations.RunPython.noop),
        migrations.RemoveIndex(model_name="assignment", name="assignment_next_seats"),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                fields=["round", "state", "language", "seat", "id"], name="assignment_next_seats"
            ),
        ),
        migrations.RunPython(install, remove),
    ]
