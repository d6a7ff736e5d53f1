from django.db import migrations, models

import annotator.models.flags

# The kinds that there were when projects stored those that they showed: a later one was never switched off.
KINDS = ("factual_error", "harmful", "off_topic", "spam", "leaks_author")


def store_those_off(apps, schema_editor):
    for project in apps.get_model("annotator", "Project").objects.all():
        project.flags_off = [kind for kind in KINDS if kind not in project.flag_kinds]
        project.save(update_fields=["flags_off"])


def store_those_on(apps, schema_editor):
    for project in apps.get_model("annotator", "Project").objects.all():
        project.flag_kinds = [kind for kind in KINDS if kind not in project.flags_off]
        project.save(update_fields=["flag_kinds"])


class Migration(migrations.Migration):

    dependencies = [
        ('annotator', '0003_names_of_consents'),
    ]

    operations = [
        migrations.AddField(
            model_name='project',
            name='flags_off',
            field=models.JSONField(blank=True, default=list, help_text='The flags that volunteers are not shown, so that a new kind is shown everywhere.', validators=[annotator.models.flags.check_flags_off]),
        ),
        migrations.RunPython(store_those_off, store_those_on),
        migrations.RemoveField('project', 'flag_kinds'),
    ]
