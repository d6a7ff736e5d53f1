from django.db import migrations, models

from ranking.triggers import install, remove

REASONS = [
    ("unclear", "The question cannot be understood"),
    ("language", "It is in a language that I do not read well"),
    ("knowledge", "I know too little about it"),
    ("broken", "The answers are empty, cut off or garbled"),
    ("distressing", "I would rather not read this"),
    ("other", "Something else"),
]
VERDICTS = [
    ("ranked", "Ranked"),
    ("all_bad", "None is acceptable"),
    ("cannot_rank", "Cannot be ranked"),
]


class Migration(migrations.Migration):
    dependencies = [("ranking", "0005_strength")]

    operations = [
        migrations.RunPython(remove, install),
        migrations.AlterField(
            model_name="judgment",
            name="verdict",
            field=models.CharField(choices=VERDICTS, max_length=12),
        ),
        migrations.AddField(
            model_name="judgment",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=REASONS,
                default="",
                help_text="Why it cannot be ranked, in a word; the rationale may say more.",
                max_length=12,
            ),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("verdict", "cannot_rank"), models.Q(("reason", ""), _negated=True)),
                    models.Q(models.Q(("verdict", "cannot_rank"), _negated=True), ("reason", "")),
                    _connector="OR",
                ),
                name="reason_where_it_cannot_be_ranked",
            ),
        ),
        migrations.RunPython(install, remove),
    ]
