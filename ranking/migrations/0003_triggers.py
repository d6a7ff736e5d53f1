from django.db import migrations

from ranking.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [
        ("annotator", "0001_initial"),
        ("ranking", "0002_seats_by_round"),
    ]

    operations = [migrations.RunPython(install, remove)]
