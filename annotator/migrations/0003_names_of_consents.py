from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('annotator', '0002_assignments'),
    ]

    operations = [
        migrations.RenameField('project', 'consent_words', 'consent_text'),
        migrations.RenameField('consent', 'words', 'text'),
        migrations.RenameField('membership', 'came_in_at', 'first_ready_at'),
    ]
