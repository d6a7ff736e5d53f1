from django.db import migrations


def _remove(model, *names):
    return [migrations.RemoveConstraint(model_name=model, name=name) for name in names]


class Migration(migrations.Migration):
    dependencies = [("annotator", "0002_assignments"), ("ranking", "0001_chorus_0_1")]

    operations = [
        *_remove(
            "assignment", "seat_once_per_comparison", "one_seat_per_volunteer", "held_seat_has_an_end",
            "held_seat_has_a_place",
        ),
        *_remove(
            "judgment", "one_judgment_per_seat", "one_judgment_per_lapsed_seat", "judgment_from_a_seat",
            "judgment_from_a_lapsed_seat_is_late",
        ),
        *_remove("practicetry", "practice_try_number_once", "one_open_practice_try"),
        *_remove("practiceseat", "practice_place_once_per_try"),
        migrations.RemoveIndex(model_name="assignment", name="assignment_next_seats"),
        migrations.RenameModel(old_name="LapsedSeat", new_name="LapsedAssignment"),
        migrations.RenameModel(old_name="PracticeSeat", new_name="PracticeAssignment"),
        migrations.RenameModel(old_name="PracticeTry", new_name="PracticeAttempt"),
        migrations.RenameField(model_name="assignment", old_name="seat", new_name="number"),
        migrations.RenameField(model_name="judgment", old_name="lapsed_seat", new_name="lapsed_assignment"),
        migrations.RenameField(model_name="round", old_name="seats", new_name="assignment_count"),
        migrations.RenameField(model_name="tally", old_name="seats", new_name="assignments"),
    ]
