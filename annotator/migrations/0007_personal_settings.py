from django.db import migrations, models

from annotator.models.settings import check_interface_language, check_languages


class Migration(migrations.Migration):
    dependencies = [("annotator", "0006_criteria")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="interface_language",
            field=models.CharField(
                blank=True,
                help_text="Empty: the browser's.",
                max_length=35,
                validators=[check_interface_language],
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="languages",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Codes of the languages that they read, such as `en`, regions left out; empty for any.",
                validators=[check_languages],
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="mail_round_opened",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="user",
            name="reduced_motion",
            field=models.CharField(
                choices=[("auto", "As my device says"), ("on", "As little as possible")],
                default="auto",
                max_length=4,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="shortcuts",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="user",
            name="text_size",
            field=models.CharField(
                choices=[("normal", "Normal"), ("large", "Large"), ("larger", "Larger")],
                default="normal",
                max_length=6,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="theme",
            field=models.CharField(
                choices=[("auto", "As my device says"), ("light", "Light"), ("dark", "Dark")],
                default="auto",
                max_length=5,
            ),
        ),
    ]
