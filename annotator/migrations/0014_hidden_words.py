from django.db import migrations, models

from annotator.models.questions import check_hidden_words


class Migration(migrations.Migration):
    dependencies = [("annotator", "0013_practice_settings")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="hidden_words",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="What would tell who wrote an answer, hidden from those who rank.",
                validators=[check_hidden_words],
            ),
        ),
    ]
