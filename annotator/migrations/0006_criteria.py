from django.db import migrations, models

from annotator.models.questions import check_criteria


class Migration(migrations.Migration):
    dependencies = [("annotator", "0005_flag_kinds")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="criteria",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Names of what volunteers may rate each answer on, from 1 to 5, beside ranking it.",
                validators=[check_criteria],
            ),
        ),
    ]
