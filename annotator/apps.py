from django.apps import AppConfig


class AnnotatorConfig(AppConfig):
    name = "annotator"
    verbose_name = "People and material"

    def ready(self) -> None:
        from .triggers import RULES, keep_rules

        keep_rules(self, RULES)
