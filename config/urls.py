"""Every address of the site: one list of patterns an app."""

from django.urls import include, path

from config import health, metrics

urlpatterns = [
    path("healthz", health.live, name="live"),
    path("readyz", health.ready, name="ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", include("annotator.urls")),
    path("", include("ranking.urls")),
    path("", include("training.urls")),
    path("", include("config.api")),
]

handler500 = "config.errors.answer_error"
