from django.db import migrations, models

from ranking.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [("ranking", "0004_whole_judgments")]

    operations = [
        migrations.RunPython(remove, install),
        migrations.AddField(
            model_name="judgment",
            name="strength",
            field=models.PositiveSmallIntegerField(
                blank=True,
                choices=[(1, "Better"), (2, "Much better")],
                help_text="Of two answers: how much better the one is. None where they tie and where nobody asked.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.CheckConstraint(
                condition=models.Q(("strength", None), ("strength__in", (1, 2)), _connector="OR"),
                name="strength_1_or_2",
            ),
        ),
        migrations.RunPython(install, remove),
    ]
