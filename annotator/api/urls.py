"""URLs of the API for people and material."""

from django.urls import path

from .projects import ProjectDetailAPIView, ProjectsAPIView
from .prompts import PromptsAPIView, RestorePromptsAPIView, WithdrawPromptsAPIView
from .tokens import TokenAPIView

urlpatterns = [
    path("token/", TokenAPIView.as_view(), name="api-token"),
    path("projects/", ProjectsAPIView.as_view(), name="api-projects"),
    path("projects/<slug:slug>/", ProjectDetailAPIView.as_view(), name="api-project"),
    path("projects/<slug:slug>/prompts/", PromptsAPIView.as_view(), name="api-prompts"),
    path(
        "projects/<slug:slug>/prompts/withdraw/",
        WithdrawPromptsAPIView.as_view(),
        name="api-withdraw-prompts",
    ),
    path(
        "projects/<slug:slug>/prompts/restore/",
        RestorePromptsAPIView.as_view(),
        name="api-restore-prompts",
    ),
]
