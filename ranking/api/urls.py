"""URLs of the judging API."""

from django.urls import include, path

from .assignments import NextAssignmentAPIView, SkipAPIView
from .datasets import DatasetAPIView, DatasetFileAPIView, DatasetsAPIView, DatasetZipAPIView
from .judgments import CorrectionAPIView, JudgmentAPIView, JudgmentsAPIView
from .leaderboard import LeaderboardAPIView
from .preferences import PreferencesAPIView

project_patterns = [
    path("assignments/next/", NextAssignmentAPIView.as_view(), name="api-next-assignment"),
    path("assignments/<int:pk>/judgment/", JudgmentAPIView.as_view(), name="api-judgment"),
    path("assignments/<int:pk>/skip/", SkipAPIView.as_view(), name="api-skip"),
    path("judgments/", JudgmentsAPIView.as_view(), name="api-judgments"),
    path("judgments/<int:pk>/correction/", CorrectionAPIView.as_view(), name="api-correction"),
    path("preferences/", PreferencesAPIView.as_view(), name="api-preferences"),
    path("leaderboard/", LeaderboardAPIView.as_view(), name="api-leaderboard"),
    path("datasets/", DatasetsAPIView.as_view(), name="api-datasets"),
    path("datasets/<int:number>/", DatasetAPIView.as_view(), name="api-dataset"),
    path("datasets/<int:number>/zip/", DatasetZipAPIView.as_view(), name="api-dataset-zip"),
    path("datasets/<int:number>/files/<str:name>/", DatasetFileAPIView.as_view(), name="api-dataset-file"),
]

urlpatterns = [path("projects/<slug:slug>/", include(project_patterns))]
