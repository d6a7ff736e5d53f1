from django.db import migrations


def give_to_projects(apps, schema_editor):
    for schedule in apps.get_model("training", "Schedule").objects.select_related("project"):
        schedule.project.timezone = schedule.timezone
        schedule.project.save(update_fields=["timezone"])


def take_from_projects(apps, schema_editor):
    for schedule in apps.get_model("training", "Schedule").objects.select_related("project"):
        schedule.timezone = schedule.project.timezone
        schedule.save(update_fields=["timezone"])


class Migration(migrations.Migration):

    dependencies = [
        ("annotator", "0013_project_timezone"),
        ("training", "0011_update_numbers"),
    ]

    operations = [
        migrations.RunPython(give_to_projects, take_from_projects),
        migrations.RemoveField(model_name="schedule", name="timezone"),
    ]
