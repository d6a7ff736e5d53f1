from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "training"
    verbose_name = "Training"

    def ready(self) -> None:
        from ranking.overview import add_waiting
        from ranking.services.personal_data import add_part

        from . import log_words, receivers  # noqa: F401 - registers them
        from .services.conversations.personal_data import ABOUT, conversations
        from .services.conversations.waiting import messages_to_review
        from .services.founding import personal_data as founding
        from .services.week import decision_to_take

        add_part("conversations", conversations, ABOUT)
        add_part("projects_begun", founding.projects_begun, founding.ABOUT)
        add_waiting(decision_to_take)
        add_waiting(messages_to_review)
