from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotator", "0007_personal_settings")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="offers_rewrites",
            field=models.BooleanField(
                default=True, help_text="Volunteers may write a better answer themselves, or mend one."
            ),
        ),
    ]
