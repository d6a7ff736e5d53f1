from django.apps import AppConfig


class RankingConfig(AppConfig):
    name = "ranking"
    verbose_name = "Ranking"

    def ready(self) -> None:
        from annotator.triggers import keep_rules

        from . import log_words  # noqa: F401 - registers what it says
        from .triggers import RULES

        keep_rules(self, RULES)
