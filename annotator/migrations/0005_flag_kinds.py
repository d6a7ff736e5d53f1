from django.db import migrations, models

from annotator.models.questions import all_flag_kinds, check_flag_kinds


class Migration(migrations.Migration):
    dependencies = [("annotator", "0004_guidelines_words")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="flag_kinds",
            field=models.JSONField(
                default=all_flag_kinds,
                help_text="The flags that volunteers are shown; a factual error is always one.",
                validators=[check_flag_kinds],
            ),
        ),
    ]
