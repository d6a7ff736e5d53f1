"""Every address of the site: one list of patterns an app."""

from django.urls import include, path

urlpatterns = [
    path("", include("annotator.urls")),
    path("", include("ranking.urls")),
    path("", include("training.urls")),
    path("", include("config.api")),
]
