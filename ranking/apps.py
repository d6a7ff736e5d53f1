from django.apps import AppConfig


class RankingConfig(AppConfig):
    name = "ranking"
    verbose_name = "Ranking"

    def ready(self) -> None:
        from annotator.triggers import keep_rules

        from .triggers import RULES

        keep_rules(self, RULES)
