from django.db import migrations, models

from ranking.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [("ranking", "0003_triggers")]

    operations = [
        migrations.RunPython(remove, install),
        migrations.RemoveConstraint(model_name="assignment", name="held_seat_has_holder"),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=~models.Q(state="held") | models.Q(held_until__isnull=False),
                name="held_seat_has_an_end",
            ),
        ),
        migrations.RunPython(install, remove),
    ]
