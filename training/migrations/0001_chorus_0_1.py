import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ("training", "0001_initial"),
        ("training", "0002_leases"),
        ("training", "0003_told_outcomes"),
    ]

    initial = True

    dependencies = [
        ('annotator', '0001_chorus_0_1'),
        ('ranking', '0001_chorus_0_1'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ModelVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('base_model', models.CharField(max_length=500)),
                ('adapter_path', models.CharField(blank=True, help_text='Below the data folder; empty for the base itself.', max_length=300)),
                ('adapter_sha256', models.CharField(blank=True, max_length=64)),
                ('state', models.CharField(choices=[('candidate', 'Candidate'), ('live', 'Live'), ('retired', 'Retired'), ('rejected', 'Rejected')], default='candidate', max_length=9)),
                ('metrics', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('author', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='version', to='annotator.author')),
                ('dataset', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='ranking.dataset')),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='training.modelversion')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='annotator.project')),
            ],
            options={
                'ordering': ('-number',),
            },
        ),
        migrations.CreateModel(
            name='Evaluation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('judge', models.CharField(help_text='For example `reward model`.', max_length=60)),
                ('wins', models.PositiveIntegerField()),
                ('ties', models.PositiveIntegerField()),
                ('losses', models.PositiveIntegerField()),
                ('metrics', models.JSONField(default=dict, help_text='Win rates with their intervals.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('baseline', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='training.modelversion')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='evaluations', to='training.modelversion')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='Release',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_rollback', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('previous', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='training.modelversion')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='releases', to='annotator.project')),
                ('released_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='releases', to='training.modelversion')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cron', models.CharField(default='0 3 * * 1', max_length=100)),
                ('timezone', models.CharField(default='UTC', max_length=60)),
                ('min_new_judgments', models.PositiveIntegerField(default=20, help_text='With fewer new judgments than this, a scheduled update is passed over.')),
                ('is_enabled', models.BooleanField(default=False)),
                ('settings', models.JSONField(default=dict, help_text='Recipe settings of its updates.')),
                ('checked_at', models.DateTimeField(auto_now_add=True, help_text='Slots up to this time were started or passed over.')),
                ('project', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='schedule', to='annotator.project')),
            ],
        ),
        migrations.CreateModel(
            name='Update',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=9)),
                ('attempt', models.PositiveSmallIntegerField(default=0)),
                ('lease', models.UUIDField(blank=True, default=None, null=True)),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
                ('cancel_requested_at', models.DateTimeField(blank=True, null=True)),
                ('error', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('slot', models.DateTimeField(blank=True, help_text='The scheduled time it was started for, if it was.', null=True)),
                ('settings', models.JSONField(default=dict, help_text='Recipe settings by stage that differ from the defaults.')),
                ('candidate', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='update', to='training.modelversion')),
                ('dataset', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='ranking.dataset')),
                ('parent', models.ForeignKey(help_text='Live when it began.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='training.modelversion')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='updates', to='annotator.project')),
                ('started_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='TrainingRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=9)),
                ('attempt', models.PositiveSmallIntegerField(default=0)),
                ('lease', models.UUIDField(blank=True, default=None, null=True)),
                ('lease_expires_at', models.DateTimeField(blank=True, null=True)),
                ('cancel_requested_at', models.DateTimeField(blank=True, null=True)),
                ('error', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('stage', models.CharField(choices=[('sft', 'Supervised fine-tuning'), ('reward', 'Reward model'), ('ppo', 'Training (PPO)'), ('generate', 'Answers'), ('evaluate', 'Evaluation')], max_length=8)),
                ('recipe', models.JSONField(default=dict)),
                ('progress', models.JSONField(default=dict, help_text='The last line of progress.jsonl.')),
                ('result', models.JSONField(default=dict, help_text="The engine's result.json.")),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='annotator.project')),
                ('version', models.ForeignKey(blank=True, help_text='The version that a run outside an update samples from.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='training.modelversion')),
                ('update', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='training.update')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.UniqueConstraint(fields=('project', 'number'), name='version_number_once'),
        ),
        migrations.AddConstraint(
            model_name='modelversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'live')), fields=('project',), name='one_live_version_per_project'),
        ),
        migrations.AddConstraint(
            model_name='update',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('queued', 'running'))), fields=('project',), name='one_active_update_per_project'),
        ),
        migrations.AddConstraint(
            model_name='update',
            constraint=models.UniqueConstraint(fields=('project', 'slot'), name='one_update_per_slot'),
        ),
        migrations.AddConstraint(
            model_name='trainingrun',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('queued', 'running'))), fields=('project', 'stage'), name='one_active_run_per_stage'),
        ),
    ]
