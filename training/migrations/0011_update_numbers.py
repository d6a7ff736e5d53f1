from django.db import migrations, models

NUMBER = """UPDATE training_update SET number = placed.place FROM (
    SELECT id, ROW_NUMBER() OVER (PARTITION BY project_id ORDER BY id) AS place FROM training_update
) AS placed WHERE placed.id = training_update.id"""


class Migration(migrations.Migration):

    dependencies = [("training", "0010_unfinished_seconds")]

    operations = [
        migrations.AddField(
            model_name="update",
            name="number",
            field=models.PositiveIntegerField(default=0, editable=False),
            preserve_default=False,
        ),
        migrations.RunSQL(NUMBER, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="update",
            constraint=models.UniqueConstraint(fields=("project", "number"), name="update_number_once"),
        ),
    ]
