from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('ranking', '0004_preferences_from_ranks'),
    ]

    operations = [
        migrations.RemoveField('judgment', 'payload_hash'),
    ]
