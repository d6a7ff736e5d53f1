import django.db.models.deletion
from django.db import migrations, models

from ranking.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [("ranking", "0008_ratings")]

    operations = [
        migrations.RunPython(remove, install),
        migrations.RemoveConstraint(model_name="judgment", name="one_judgment_per_volunteer"),
        migrations.AddField(
            model_name="judgment",
            name="corrects",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="correction",
                to="ranking.judgment",
            ),
        ),
        # What was judged so far counts.
        migrations.AddField(
            model_name="judgment",
            name="is_current",
            field=models.BooleanField(
                default=True, help_text="It is whole and was not corrected since: it counts."
            ),
        ),
        migrations.AlterField(
            model_name="judgment",
            name="is_current",
            field=models.BooleanField(
                default=False, help_text="It is whole and was not corrected since: it counts."
            ),
        ),
        migrations.AlterField(
            model_name="judgment",
            name="assignment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="judgments",
                to="ranking.assignment",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("corrects", None)),
                fields=("comparison", "volunteer"),
                name="one_judgment_per_volunteer",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("corrects", None)),
                fields=("assignment",),
                name="one_judgment_per_seat",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_current", True)),
                fields=("comparison", "volunteer"),
                name="one_current_judgment_per_volunteer",
            ),
        ),
        migrations.RunPython(install, remove),
    ]
