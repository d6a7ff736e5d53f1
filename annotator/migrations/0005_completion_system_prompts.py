import hashlib

from django.db import migrations, models

BATCH = 1000


def store_system_prompts(apps, schema_editor):
    """What models wrote so far was sampled after the project's system prompt, as far as is known."""
    Completion = apps.get_model("annotator", "Completion")
    sampled = Completion.objects.filter(author__kind="model").exclude(author__project__system_prompt="")
    changed = []
    for one in sampled.select_related("author__project").iterator(BATCH):
        one.system_prompt = one.author.project.system_prompt
        one.text_hash = hashlib.sha256(f"{one.system_prompt}\0{one.text}".encode()).hexdigest()
        changed.append(one)
        if len(changed) == BATCH:
            Completion.objects.bulk_update(changed, ["system_prompt", "text_hash"])
            changed = []
    Completion.objects.bulk_update(changed, ["system_prompt", "text_hash"])


def forget_system_prompts(apps, schema_editor):
    Completion = apps.get_model("annotator", "Completion")
    for one in Completion.objects.exclude(system_prompt="").iterator(BATCH):
        one.text_hash = hashlib.sha256(one.text.encode()).hexdigest()
        one.save(update_fields=["text_hash"])


class Migration(migrations.Migration):

    dependencies = [
        ('annotator', '0004_flags_off'),
    ]

    operations = [
        migrations.AddField(
            model_name='completion',
            name='system_prompt',
            field=models.TextField(blank=True, default='', editable=False, help_text="What the model was given before the prompt's messages; empty for none, and for people."),
        ),
        migrations.AlterField(
            model_name='completion',
            name='text_hash',
            field=models.CharField(editable=False, help_text='Of the system prompt, if any, and the text.', max_length=64),
        ),
        migrations.RunPython(store_system_prompts, forget_system_prompts),
    ]
