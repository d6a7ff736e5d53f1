import annotator.models.criteria
import annotator.models.hidden_words
import annotator.models.personal_settings
import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ("annotator", "0001_initial"),
        ("annotator", "0002_prompt_search_text"),
        ("annotator", "0003_triggers"),
        ("annotator", "0004_guidelines_words"),
        ("annotator", "0005_flag_kinds"),
        ("annotator", "0006_criteria"),
        ("annotator", "0007_personal_settings"),
        ("annotator", "0008_offers_rewrites"),
        ("annotator", "0009_reading"),
        ("annotator", "0010_first_guidelines"),
        ("annotator", "0011_guidelines_are_versions"),
        ("annotator", "0012_leaderboard"),
        ("annotator", "0013_practice_settings"),
        ("annotator", "0014_hidden_words"),
    ]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('languages', models.JSONField(blank=True, default=list, help_text='Codes of the languages that they read, such as `en`, regions left out; empty for any.', validators=[annotator.models.personal_settings.check_languages])),
                ('interface_language', models.CharField(blank=True, help_text="Empty: the browser's.", max_length=35, validators=[annotator.models.personal_settings.check_interface_language])),
                ('shortcuts', models.BooleanField(default=True)),
                ('text_size', models.CharField(choices=[('normal', 'Normal'), ('large', 'Large'), ('larger', 'Larger')], default='normal', max_length=6)),
                ('reduced_motion', models.CharField(choices=[('auto', 'As my device says'), ('on', 'As little as possible')], default='auto', max_length=4)),
                ('theme', models.CharField(choices=[('auto', 'As my device says'), ('light', 'Light'), ('dark', 'Dark')], default='auto', max_length=5)),
                ('mail_round_opened', models.BooleanField(default=False)),
                ('email', models.EmailField(max_length=254, unique=True)),
                ('name', models.CharField(blank=True, max_length=150)),
                ('is_simulated', models.BooleanField(default=False, editable=False)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('description', models.TextField(blank=True)),
                ('system_prompt', models.TextField(blank=True, help_text='Put before every conversation.')),
                ('base_model', models.CharField(help_text='A folder on this machine, or a model of the Hugging Face hub.', max_length=500)),
                ('completions_per_comparison', models.PositiveSmallIntegerField(default=4, validators=[django.core.validators.MinValueValidator(2), django.core.validators.MaxValueValidator(8)])),
                ('judgments_per_comparison', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(50)])),
                ('seat_minutes', models.PositiveSmallIntegerField(default=30, help_text='How long a volunteer may hold a comparison before it is offered to others.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1440)])),
                ('flag_kinds', models.JSONField(default=list, help_text='The flags that volunteers are shown; a factual error is always one.')),
                ('criteria', models.JSONField(blank=True, default=list, help_text='Names of what volunteers may rate each answer on, from 1 to 5, beside ranking it.', validators=[annotator.models.criteria.check_criteria])),
                ('leaderboard', models.BooleanField(default=False, help_text='Whether volunteers see who has ranked most in the round.')),
                ('licence', models.CharField(choices=[('CC-BY-4.0', 'CC BY 4.0'), ('CC-BY-SA-4.0', 'CC BY-SA 4.0'), ('CC0-1.0', 'CC0 1.0')], default='CC-BY-4.0', help_text='Under which judgments are published; members agree to it before they rank.', max_length=20)),
                ('consent_words', models.TextField(blank=True, help_text='Markdown; what members agree to. Empty for the words that come with Chorus.')),
                ('consent_number', models.PositiveIntegerField(default=1, editable=False, help_text='Counts up when what members agree to changes.')),
                ('hidden_words', models.JSONField(blank=True, default=list, help_text='What would tell who wrote an answer, hidden from those who rank.', validators=[annotator.models.hidden_words.check_hidden_words])),
                ('practice_length', models.PositiveSmallIntegerField(default=5, help_text='Practice comparisons that a new volunteer is given, as far as there are so many.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)])),
                ('practice_pass_mark', models.PositiveSmallIntegerField(default=4, help_text='How many of them have to be right.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)])),
                ('offers_rewrites', models.BooleanField(default=True, help_text='Volunteers may write a better answer themselves, or mend one.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ('name',),
                'constraints': [models.CheckConstraint(condition=models.Q(('completions_per_comparison__range', (2, 8))), name='project_completions_2_to_8'), models.CheckConstraint(condition=models.Q(('judgments_per_comparison__gte', 1)), name='project_judgments_at_least_1')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('volunteer', 'Volunteer'), ('reviewer', 'Reviewer'), ('coordinator', 'Coordinator')], default='volunteer', max_length=12)),
                ('email', models.EmailField(blank=True, help_text='If given, only this address may use it.', max_length=254)),
                ('token_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='invitations_sent', to=settings.AUTH_USER_MODEL)),
                ('used_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='invitations_used', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='annotator.project')),
            ],
            options={
                'ordering': ('-created_at',),
            },
        ),
        migrations.CreateModel(
            name='Author',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('model', 'Model version'), ('person', 'Person'), ('import', 'Import')], max_length=8)),
                ('name', models.CharField(max_length=120)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='authors', to='annotator.project')),
            ],
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('verb', models.CharField(help_text='For example `invitation.created`.', max_length=60)),
                ('target', models.CharField(blank=True, help_text='For example `invitation:12`.', max_length=120)),
                ('data', models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='audit_events', to='annotator.project')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='Prompt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('messages', models.JSONField()),
                ('language', models.CharField(default='en', max_length=35)),
                ('source', models.CharField(blank=True, max_length=200)),
                ('content_hash', models.CharField(editable=False, max_length=64)),
                ('split', models.CharField(choices=[('train', 'Train'), ('held_out', 'Held out')], editable=False, max_length=8)),
                ('search_text', models.TextField(default='', editable=False, help_text="All messages' texts, casefolded: what a search looks in.")),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prompts', to='annotator.project')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='Completion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('text_hash', models.CharField(editable=False, max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='completions', to='annotator.author')),
                ('prompt', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='completions', to='annotator.prompt')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('volunteer', 'Volunteer'), ('reviewer', 'Reviewer'), ('coordinator', 'Coordinator')], max_length=12)),
                ('shows_name', models.BooleanField(default=True, help_text='Whether a leaderboard names them; else they are a volunteer on it.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('guidelines_read', models.PositiveIntegerField(default=0, help_text='Number of the guidelines that they read last; 0 for none.')),
                ('came_in_at', models.DateTimeField(blank=True, help_text='When they could rank for the first time.', null=True)),
                ('waiting_since', models.DateTimeField(blank=True, help_text='When a coordinator was asked to let them in.', null=True)),
                ('ready_at', models.DateTimeField(blank=True, help_text='They may rank; empty while there is something to read or to agree to before. Every visit of the desk looks at this, and only where it is empty for the reason.', null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='annotator.project')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'project'), name='membership_once_per_project')],
            },
        ),
        migrations.CreateModel(
            name='GuidelinesVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('text', models.TextField(blank=True, help_text='Markdown.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('written_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='guidelines_versions', to='annotator.project')),
            ],
            options={
                'ordering': ('-number',),
                'constraints': [models.UniqueConstraint(fields=('project', 'number'), name='guidelines_number_once')],
            },
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text="The project's `consent_number` at that time.")),
                ('licence', models.CharField(choices=[('CC-BY-4.0', 'CC BY 4.0'), ('CC-BY-SA-4.0', 'CC BY-SA 4.0'), ('CC0-1.0', 'CC0 1.0')], max_length=20)),
                ('words', models.TextField(help_text='Markdown, in the language in which it was read.')),
                ('language', models.CharField(max_length=35)),
                ('given_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consents', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consents', to='annotator.project')),
            ],
            options={
                'ordering': ('-pk',),
                'constraints': [models.UniqueConstraint(fields=('project', 'user', 'number'), name='consent_once_per_number')],
            },
        ),
        migrations.AddConstraint(
            model_name='author',
            constraint=models.UniqueConstraint(fields=('project', 'kind', 'name'), name='author_name_once_per_project'),
        ),
        migrations.AddConstraint(
            model_name='prompt',
            constraint=models.UniqueConstraint(fields=('project', 'content_hash'), name='prompt_once_per_project'),
        ),
        migrations.AddConstraint(
            model_name='completion',
            constraint=models.UniqueConstraint(fields=('prompt', 'author', 'text_hash'), name='completion_once_per_author'),
        ),
    ]
