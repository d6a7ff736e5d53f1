import django.core.validators
import django.db.models.deletion
import ranking.models.assignments
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ("ranking", "0001_initial"),
        ("ranking", "0002_seats_by_round"),
        ("ranking", "0003_triggers"),
        ("ranking", "0004_whole_judgments"),
        ("ranking", "0005_strength"),
        ("ranking", "0006_verdicts"),
        ("ranking", "0007_flag_kinds"),
        ("ranking", "0008_ratings"),
        ("ranking", "0009_revisions"),
        ("ranking", "0010_late_judgments"),
        ("ranking", "0011_tallies"),
        ("ranking", "0012_outcomes"),
        ("ranking", "0013_languages"),
        ("ranking", "0014_demonstrations"),
        ("ranking", "0015_withdrawals"),
        ("ranking", "0016_practice"),
        ("ranking", "0017_masks"),
        ("ranking", "0018_places"),
    ]

    initial = True

    dependencies = [
        ('annotator', '0001_chorus_0_1'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Comparison',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('prompt', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comparisons', to='annotator.prompt')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seat', models.PositiveSmallIntegerField()),
                ('language', models.CharField(help_text="Code of its prompt's language, kept here for the same reason.", max_length=35)),
                ('state', models.CharField(choices=[('free', 'Free'), ('held', 'Held'), ('done', 'Done')], default='free', max_length=4)),
                ('place', models.PositiveSmallIntegerField(default=0, help_text="Of a held seat: which of the holder's places it has, of which there are few.")),
                ('held_until', models.DateTimeField(blank=True, null=True)),
                ('key', models.UUIDField(default=uuid.uuid4, help_text='The idempotency key its form carries.')),
                ('order', models.JSONField(default=list, help_text='Completion ids in the order this volunteer sees them.')),
                ('claimed_at', models.DateTimeField(blank=True, null=True)),
                ('volunteer', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='assignments', to=settings.AUTH_USER_MODEL)),
                ('comparison', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='ranking.comparison')),
            ],
            options={
                'ordering': ('pk',),
            },
            bases=(ranking.models.assignments.ShowsCompletions, models.Model),
        ),
        migrations.CreateModel(
            name='ComparisonItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('comparison', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='ranking.comparison')),
                ('completion', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='annotator.completion')),
            ],
        ),
        migrations.AddField(
            model_name='comparison',
            name='completions',
            field=models.ManyToManyField(related_name='comparisons', through='ranking.ComparisonItem', to='annotator.completion'),
        ),
        migrations.CreateModel(
            name='Dataset',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('pairs', models.PositiveIntegerField()),
                ('train_pairs', models.PositiveIntegerField()),
                ('held_out_pairs', models.PositiveIntegerField()),
                ('judgments', models.PositiveIntegerField()),
                ('simulated_judgments', models.PositiveIntegerField(default=0)),
                ('last_judgment_id', models.BigIntegerField(help_text='Judgments up to and including this one are in the snapshot.')),
                ('manifest', models.JSONField()),
                ('sha256', models.CharField(max_length=64)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='datasets', to='annotator.project')),
            ],
            options={
                'ordering': ('-number',),
            },
        ),
        migrations.CreateModel(
            name='Judgment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('late', models.BooleanField(default=False, help_text="It came after the seat's time had run out.")),
                ('verdict', models.CharField(choices=[('ranked', 'Ranked'), ('all_bad', 'None is acceptable'), ('cannot_rank', 'Cannot be ranked')], max_length=12)),
                ('reason', models.CharField(blank=True, choices=[('unclear', 'The question cannot be understood'), ('language', 'It is in a language that I do not read well'), ('knowledge', 'I know too little about it'), ('broken', 'The answers are empty, cut off or garbled'), ('distressing', 'I would rather not read this'), ('other', 'Something else')], help_text='Why it cannot be ranked, in a word; the rationale may say more.', max_length=12)),
                ('strength', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'Better'), (2, 'Much better')], help_text='Of two answers: how much better the one is. None where they tie and where nobody asked.', null=True)),
                ('rationale', models.TextField(blank=True)),
                ('seconds', models.FloatField(help_text='From taking the seat to submitting.', validators=[django.core.validators.MinValueValidator(0)])),
                ('key', models.UUIDField(help_text='Idempotency key: sent twice, stored once.', unique=True)),
                ('payload_hash', models.CharField(max_length=64)),
                ('is_current', models.BooleanField(default=False, help_text='It is whole and was not corrected since: it counts.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('assignment', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='judgments', to='ranking.assignment')),
                ('comparison', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='judgments', to='ranking.comparison')),
                ('corrects', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='correction', to='ranking.judgment')),
                ('volunteer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='judgments', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='Flag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('factual_error', 'Factual error'), ('harmful', 'Harmful'), ('off_topic', 'Off topic'), ('spam', 'Spam or nonsense'), ('leaks_author', 'Leaks who wrote it')], max_length=16)),
                ('completion', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='flags', to='annotator.completion')),
                ('judgment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='flags', to='ranking.judgment')),
            ],
        ),
        migrations.CreateModel(
            name='Demonstration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('completion', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='demonstrations', to='annotator.completion')),
                ('original', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rewrites', to='annotator.completion')),
                ('judgment', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='demonstration', to='ranking.judgment')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='LapsedSeat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(help_text='The idempotency key its form carries.', unique=True)),
                ('order', models.JSONField(help_text='Completion ids in the order this volunteer saw them.')),
                ('claimed_at', models.DateTimeField(blank=True, null=True)),
                ('assignment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lapsed', to='ranking.assignment')),
                ('comparison', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lapsed_seats', to='ranking.comparison')),
                ('volunteer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lapsed_seats', to=settings.AUTH_USER_MODEL)),
            ],
            bases=(ranking.models.assignments.ShowsCompletions, models.Model),
        ),
        migrations.AddField(
            model_name='judgment',
            name='lapsed_seat',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='judgments', to='ranking.lapsedseat'),
        ),
        migrations.CreateModel(
            name='Mask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('spans', models.JSONField(blank=True, default=list, help_text='[start, end] of each name, in characters, in order and apart.')),
                ('decision', models.CharField(blank=True, choices=[('', 'To decide'), ('stays', 'Decided'), ('shown', 'Shown as it is')], default='', max_length=5)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('completion', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='mask', to='annotator.completion')),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(help_text="The completion's, kept here so that a project's masks are found by one index.", on_delete=django.db.models.deletion.CASCADE, related_name='masks', to='annotator.project')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='Outcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('judge', models.CharField(choices=[('people', 'People, who did not know which answer was whose'), ('reward_model', 'A program that learned from rankings what people prefer'), ('model', 'Another language model')], max_length=12)),
                ('wins', models.PositiveIntegerField()),
                ('ties', models.PositiveIntegerField()),
                ('losses', models.PositiveIntegerField()),
                ('volunteers', models.PositiveIntegerField(help_text='People whose rankings are in the dataset; simulated volunteers are not counted.')),
                ('decision', models.CharField(choices=[('waiting', 'Not decided yet'), ('released', 'Released'), ('not_released', 'Not released'), ('taken_back', 'Released, and taken back')], default='waiting', max_length=12)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('baseline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='annotator.author')),
                ('candidate', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='outcome', to='annotator.author')),
                ('dataset', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='outcomes', to='ranking.dataset')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='annotator.project')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='PracticeComparison',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('messages', models.JSONField(help_text="As a prompt's.")),
                ('language', models.CharField(default='en', max_length=35)),
                ('answers', models.JSONField(help_text='Texts, as many as a comparison may have.')),
                ('ranks', models.JSONField(help_text='The right rank of each answer: 1 is best, equal ranks are ties.')),
                ('why', models.TextField(help_text='Markdown; shown after it was ranked.')),
                ('is_in_use', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='practice_comparisons', to='annotator.project')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='PracticeTry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('needed', models.PositiveSmallIntegerField()),
                ('begun_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('passed', models.BooleanField(help_text='Empty until it is finished.', null=True)),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='practice_attempts', to='annotator.membership')),
            ],
            options={
                'ordering': ('-number',),
            },
        ),
        migrations.CreateModel(
            name='PracticeSeat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.PositiveSmallIntegerField()),
                ('order', models.JSONField(help_text="Places in the comparison's answers, in the order shown.")),
                ('ranks', models.JSONField(help_text='As given, in the order of the answers.', null=True)),
                ('is_right', models.BooleanField(help_text='Empty until it was answered.', null=True)),
                ('comparison', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='seats', to='ranking.practicecomparison')),
                ('attempt', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='seats', to='ranking.practicetry')),
            ],
            options={
                'ordering': ('place',),
            },
        ),
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('chosen', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='annotator.completion')),
                ('comparison', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='preferences', to='ranking.comparison')),
                ('judgment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='preferences', to='ranking.judgment')),
                ('rejected', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='annotator.completion')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='RankedCompletion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rank', models.PositiveSmallIntegerField()),
                ('completion', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ranks', to='annotator.completion')),
                ('judgment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ranks', to='ranking.judgment')),
            ],
            options={
                'ordering': ('rank', 'pk'),
            },
        ),
        migrations.CreateModel(
            name='Rating',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('criterion', models.CharField(max_length=40)),
                ('score', models.PositiveSmallIntegerField()),
                ('completion', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ratings', to='annotator.completion')),
                ('judgment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ratings', to='ranking.judgment')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='Round',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('seats', models.PositiveIntegerField(default=0, help_text='Of all its comparisons; no seat is added later.')),
                ('languages', models.JSONField(default=list, help_text="Codes of its prompts' languages, such as `en`, regions left out.")),
                ('opened_at', models.DateTimeField(auto_now_add=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('author', models.ForeignKey(help_text='Whose completions are compared.', on_delete=django.db.models.deletion.PROTECT, related_name='rounds', to='annotator.author')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rounds', to='annotator.project')),
            ],
            options={
                'ordering': ('-number',),
            },
        ),
        migrations.AddField(
            model_name='comparison',
            name='round',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='comparisons', to='ranking.round'),
        ),
        migrations.AddField(
            model_name='assignment',
            name='round',
            field=models.ForeignKey(help_text="The comparison's round, kept here so that free seats are found by one index.", on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='ranking.round'),
        ),
        migrations.CreateModel(
            name='Skip',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('comparison', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='skips', to='ranking.comparison')),
                ('volunteer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='skips', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('judgments', models.PositiveIntegerField(default=0)),
                ('seats', models.PositiveIntegerField(default=0, help_text='How many of them filled a seat: late ones may have none.')),
                ('round', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tallies', to='ranking.round')),
                ('volunteer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Withdrawal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('judgments', models.PositiveIntegerField(help_text='How many counted until then.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='withdrawals', to='annotator.project')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='WithdrawnPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('judgments', models.PositiveIntegerField()),
                ('dataset', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='withdrawn_parts', to='ranking.dataset')),
                ('withdrawal', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='ranking.withdrawal')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.AddConstraint(
            model_name='comparisonitem',
            constraint=models.UniqueConstraint(fields=('comparison', 'completion'), name='completion_once_per_comparison'),
        ),
        migrations.AddConstraint(
            model_name='dataset',
            constraint=models.UniqueConstraint(fields=('project', 'number'), name='dataset_number_once'),
        ),
        migrations.AddConstraint(
            model_name='flag',
            constraint=models.UniqueConstraint(fields=('judgment', 'completion', 'kind'), name='flag_once_per_judgment'),
        ),
        migrations.AddConstraint(
            model_name='demonstration',
            constraint=models.CheckConstraint(condition=models.Q(('original', models.F('completion')), _negated=True), name='rewrite_is_not_the_original'),
        ),
        migrations.AddIndex(
            model_name='lapsedseat',
            index=models.Index(fields=['comparison', 'volunteer'], name='lapsed_by_volunteer'),
        ),
        migrations.AddIndex(
            model_name='judgment',
            index=models.Index(fields=['volunteer', 'created_at'], name='judgment_by_volunteer'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.UniqueConstraint(condition=models.Q(('corrects', None)), fields=('comparison', 'volunteer'), name='one_judgment_per_volunteer'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.UniqueConstraint(condition=models.Q(('corrects', None)), fields=('assignment',), name='one_judgment_per_seat'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.UniqueConstraint(condition=models.Q(('corrects', None)), fields=('lapsed_seat',), name='one_judgment_per_lapsed_seat'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.CheckConstraint(condition=models.Q(('assignment__isnull', False), ('lapsed_seat__isnull', False), _connector='OR'), name='judgment_from_a_seat'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.CheckConstraint(condition=models.Q(('lapsed_seat', None), ('late', True), _connector='OR'), name='judgment_from_a_lapsed_seat_is_late'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.UniqueConstraint(condition=models.Q(('is_current', True)), fields=('comparison', 'volunteer'), name='one_current_judgment_per_volunteer'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.CheckConstraint(condition=models.Q(('strength', None), ('strength__in', (1, 2)), _connector='OR'), name='strength_1_or_2'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('verdict', 'cannot_rank'), models.Q(('reason', ''), _negated=True)), models.Q(models.Q(('verdict', 'cannot_rank'), _negated=True), ('reason', '')), _connector='OR'), name='reason_where_it_cannot_be_ranked'),
        ),
        migrations.AddConstraint(
            model_name='outcome',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('decision', 'waiting')), models.Q(models.Q(('decision', 'waiting'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='outcome_decided_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='practicetry',
            constraint=models.UniqueConstraint(fields=('membership', 'number'), name='practice_try_number_once'),
        ),
        migrations.AddConstraint(
            model_name='practicetry',
            constraint=models.UniqueConstraint(condition=models.Q(('finished_at', None)), fields=('membership',), name='one_open_practice_try'),
        ),
        migrations.AddConstraint(
            model_name='practiceseat',
            constraint=models.UniqueConstraint(fields=('attempt', 'place'), name='practice_place_once_per_try'),
        ),
        migrations.AddConstraint(
            model_name='preference',
            constraint=models.UniqueConstraint(fields=('judgment', 'chosen', 'rejected'), name='preference_once_per_judgment'),
        ),
        migrations.AddConstraint(
            model_name='preference',
            constraint=models.CheckConstraint(condition=models.Q(('chosen', models.F('rejected')), _negated=True), name='chosen_is_not_rejected'),
        ),
        migrations.AddConstraint(
            model_name='rankedcompletion',
            constraint=models.UniqueConstraint(fields=('judgment', 'completion'), name='one_rank_per_completion'),
        ),
        migrations.AddConstraint(
            model_name='rankedcompletion',
            constraint=models.CheckConstraint(condition=models.Q(('rank__gte', 1), ('rank__lte', 8)), name='rank_1_to_8'),
        ),
        migrations.AddConstraint(
            model_name='rating',
            constraint=models.UniqueConstraint(fields=('judgment', 'completion', 'criterion'), name='rating_once_per_judgment'),
        ),
        migrations.AddConstraint(
            model_name='rating',
            constraint=models.CheckConstraint(condition=models.Q(('score__gte', 1), ('score__lte', 5)), name='score_1_to_5'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.UniqueConstraint(fields=('project', 'number'), name='round_number_once'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at', None)), fields=('project',), name='one_open_round_per_project'),
        ),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(fields=['round', 'state', 'language', 'seat', 'id'], name='assignment_next_seats'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.UniqueConstraint(fields=('comparison', 'seat'), name='seat_once_per_comparison'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.UniqueConstraint(condition=models.Q(('volunteer__isnull', False)), fields=('comparison', 'volunteer'), name='one_seat_per_volunteer'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'held'), _negated=True), ('held_until__isnull', False), _connector='OR'), name='held_seat_has_an_end'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'held')), fields=('round', 'volunteer', 'place'), name='held_seat_has_a_place'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.CheckConstraint(condition=models.Q(('place__lt', 3)), name='few_places'),
        ),
        migrations.AddConstraint(
            model_name='skip',
            constraint=models.UniqueConstraint(fields=('comparison', 'volunteer'), name='skip_once'),
        ),
        migrations.AddConstraint(
            model_name='tally',
            constraint=models.UniqueConstraint(fields=('round', 'volunteer', 'day'), name='tally_once_a_day'),
        ),
        migrations.AddConstraint(
            model_name='withdrawnpart',
            constraint=models.UniqueConstraint(fields=('withdrawal', 'dataset'), name='withdrawn_part_once'),
        ),
    ]
