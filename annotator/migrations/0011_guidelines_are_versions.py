from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("annotator", "0010_first_guidelines")]

    operations = [migrations.RemoveField(model_name="project", name="guidelines")]
