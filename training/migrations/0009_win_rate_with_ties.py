from django.db import migrations


def count_ties_as_half(apps, schema_editor):
    """A version's win rate left ties out; its newest evaluation has the one that counts them as half."""
    for version in apps.get_model('training', 'ModelVersion').objects.exclude(evaluations=None):
        metrics = version.evaluations.latest('pk').metrics
        if 'win_rate' not in version.metrics or 'win_rate_ties_half_low' not in metrics:
            continue
        for end in ('', '_low', '_high'):
            version.metrics[f'win_rate{end}'] = metrics[f'win_rate_ties_half{end}']
        version.save(update_fields=['metrics'])


class Migration(migrations.Migration):

    dependencies = [
        ('training', '0008_export_runs'),
    ]

    operations = [
        migrations.RunPython(count_ties_as_half, migrations.RunPython.noop),
    ]
