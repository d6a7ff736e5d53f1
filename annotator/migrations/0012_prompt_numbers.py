from django.db import migrations, models

# A row's place among its project's, in one statement: a site may have hundreds of thousands of prompts.
NUMBER = """UPDATE annotator_prompt SET number = placed.place FROM (
    SELECT id, ROW_NUMBER() OVER (PARTITION BY project_id ORDER BY id) AS place FROM annotator_prompt
) AS placed WHERE placed.id = annotator_prompt.id"""
COUNT = """UPDATE annotator_project SET prompts_numbered = (
    SELECT COUNT(*) FROM annotator_prompt WHERE annotator_prompt.project_id = annotator_project.id
)"""


class Migration(migrations.Migration):

    dependencies = [("annotator", "0011_rate_limits")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="prompts_numbered",
            field=models.PositiveIntegerField(
                default=0, editable=False, help_text="The highest number that a prompt of it has had."
            ),
        ),
        migrations.AddField(
            model_name="prompt",
            name="number",
            field=models.PositiveIntegerField(default=0, editable=False),
            preserve_default=False,
        ),
        migrations.RunSQL([NUMBER, COUNT], migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.UniqueConstraint(fields=("project", "number"), name="prompt_number_once"),
        ),
    ]
