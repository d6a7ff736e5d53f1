import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotator', '0002_assignments'),
        ('ranking', '0002_assignments'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='assignment',
            name='place',
            field=models.PositiveSmallIntegerField(default=0, help_text="Of a held assignment: which of the holder's places it has, of which there are few."),
        ),
        migrations.AlterField(
            model_name='assignment',
            name='round',
            field=models.ForeignKey(help_text="The comparison's round, kept here so that free assignments are found by one index.", on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='ranking.round'),
        ),
        migrations.AlterField(
            model_name='judgment',
            name='late',
            field=models.BooleanField(default=False, help_text="It came after the assignment's time had run out."),
        ),
        migrations.AlterField(
            model_name='judgment',
            name='seconds',
            field=models.FloatField(help_text='From taking the assignment to submitting.', validators=[django.core.validators.MinValueValidator(0)]),
        ),
        migrations.AlterField(
            model_name='lapsedassignment',
            name='comparison',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lapsed_assignments', to='ranking.comparison'),
        ),
        migrations.AlterField(
            model_name='lapsedassignment',
            name='volunteer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lapsed_assignments', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='practiceassignment',
            name='attempt',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='ranking.practiceattempt'),
        ),
        migrations.AlterField(
            model_name='practiceassignment',
            name='comparison',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='ranking.practicecomparison'),
        ),
        migrations.AlterField(
            model_name='round',
            name='assignment_count',
            field=models.PositiveIntegerField(default=0, help_text='Of all its comparisons; no assignment is added later.'),
        ),
        migrations.AlterField(
            model_name='tally',
            name='assignments',
            field=models.PositiveIntegerField(default=0, help_text='How many of them filled an assignment: late ones may have none.'),
        ),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(fields=['round', 'state', 'language', 'number', 'id'], name='next_assignments'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.UniqueConstraint(fields=('comparison', 'number'), name='assignment_number_once_per_comparison'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.UniqueConstraint(condition=models.Q(('volunteer__isnull', False)), fields=('comparison', 'volunteer'), name='one_assignment_per_volunteer'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'held'), _negated=True), ('held_until__isnull', False), _connector='OR'), name='held_assignment_has_an_end'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'held')), fields=('round', 'volunteer', 'place'), name='held_assignment_has_a_place'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.UniqueConstraint(condition=models.Q(('corrects', None)), fields=('assignment',), name='one_judgment_per_assignment'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.UniqueConstraint(condition=models.Q(('corrects', None)), fields=('lapsed_assignment',), name='one_judgment_per_lapsed_assignment'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.CheckConstraint(condition=models.Q(('assignment__isnull', False), ('lapsed_assignment__isnull', False), _connector='OR'), name='judgment_from_an_assignment'),
        ),
        migrations.AddConstraint(
            model_name='judgment',
            constraint=models.CheckConstraint(condition=models.Q(('lapsed_assignment', None), ('late', True), _connector='OR'), name='judgment_from_a_lapsed_assignment_is_late'),
        ),
        migrations.AddConstraint(
            model_name='practiceassignment',
            constraint=models.UniqueConstraint(fields=('attempt', 'place'), name='practice_place_once_per_attempt'),
        ),
        migrations.AddConstraint(
            model_name='practiceattempt',
            constraint=models.UniqueConstraint(fields=('membership', 'number'), name='practice_attempt_number_once'),
        ),
        migrations.AddConstraint(
            model_name='practiceattempt',
            constraint=models.UniqueConstraint(condition=models.Q(('finished_at', None)), fields=('membership',), name='one_open_practice_attempt'),
        ),
    ]
