from django.db import migrations, models
from django.db.models import Q

from ranking.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [("ranking", "0017_masks")]

    operations = [
        migrations.RunPython(remove, install),
        migrations.RemoveConstraint(model_name="assignment", name="one_held_seat_per_round"),
        migrations.AddField(
            model_name="assignment",
            name="place",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="Of a held seat: which of the holder's places it has, of which there are few."
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(
                fields=("round", "volunteer", "place"), condition=Q(state="held"), name="held_seat_has_a_place"
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(condition=Q(place__lt=3), name="few_places"),
        ),
        migrations.RunPython(install, remove),
    ]
