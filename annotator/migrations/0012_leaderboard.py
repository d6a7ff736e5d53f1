from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotator", "0011_guidelines_are_versions")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="leaderboard",
            field=models.BooleanField(
                default=False, help_text="Whether volunteers see who has ranked most in the round."
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="shows_name",
            field=models.BooleanField(
                default=True, help_text="Whether a leaderboard names them; else they are a volunteer on it."
            ),
        ),
    ]
