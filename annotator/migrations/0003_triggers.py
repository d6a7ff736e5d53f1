from django.db import migrations

from annotator.triggers import install, remove


class Migration(migrations.Migration):
    dependencies = [("annotator", "0002_prompt_search_text")]

    operations = [migrations.RunPython(install, remove)]
