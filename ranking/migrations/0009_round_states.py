from django.db import migrations, models
from django.db.models import Case, F, Q, Value, When

STATES = [
    ("preparing", "Being prepared"),
    ("open", "Open"),
    ("paused", "Paused"),
    ("closing", "Cut off"),
    ("learning", "Learning"),
    ("gating", "Being tested"),
    ("released", "Released"),
    ("kept", "Not released"),
    ("skipped", "Skipped"),
]


def close(apps, schema_editor):
    """Closed rounds were skipped as far as ranking knows; training knows which were not."""
    rounds = apps.get_model("ranking", "Round").objects.using(schema_editor.connection.alias)
    # One statement: PostgreSQL alters no table whose rows were changed twice in the same transaction.
    state = Case(When(closed_at=None, then=Value("open")), default=Value("skipped"))
    rounds.update(created_at=F("opened_at"), state=state)


class Migration(migrations.Migration):
    dependencies = [("ranking", "0008_chat")]

    operations = [
        migrations.AddField(
            "round", "state", models.CharField(choices=STATES, default="open", max_length=9)
        ),
        migrations.AddField(
            "round",
            "reason",
            models.TextField(blank=True, default="", help_text="Why it is in its state, where that needs one."),
            preserve_default=False,
        ),
        migrations.AddField(
            "round", "created_at", models.DateTimeField(null=True)
        ),
        migrations.AlterField("round", "opened_at", models.DateTimeField(blank=True, null=True)),
        migrations.AlterField(
            "round",
            "closed_at",
            models.DateTimeField(blank=True, help_text="Since then it takes no rankings.", null=True),
        ),
        migrations.RunPython(close, migrations.RunPython.noop),
        migrations.AlterField("round", "created_at", models.DateTimeField(auto_now_add=True)),
        migrations.RemoveConstraint("round", "one_open_round_per_project"),
        migrations.AddConstraint(
            "round",
            models.UniqueConstraint(
                fields=("project",),
                condition=Q(("closed_at", None), ~Q(state="preparing")),
                name="one_open_round_per_project",
            ),
        ),
        migrations.AddConstraint(
            "round",
            models.UniqueConstraint(
                fields=("project",), condition=Q(state="preparing"), name="one_prepared_round_per_project"
            ),
        ),
        migrations.AddConstraint(
            "round",
            models.CheckConstraint(
                condition=Q(
                    Q(("closed_at", None), ("opened_at", None), ("state", "preparing")),
                    Q(~Q(state="preparing"), ("opened_at__isnull", False)),
                    _connector="OR",
                ),
                name="round_opened_unless_preparing",
            ),
        ),
    ]
