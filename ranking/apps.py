from django.apps import AppConfig


class RankingConfig(AppConfig):
    name = "ranking"
    verbose_name = "Ranking"

    def ready(self) -> None:
        from annotator.triggers import keep_rules

        from . import log_words  # noqa: F401 - registers what it says
        from .overview import add_waiting
        from .services.review.waiting import decisions_to_take
        from .triggers import RULES

        keep_rules(self, RULES)
        add_waiting(decisions_to_take)
