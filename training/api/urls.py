"""URLs of the training API."""

from django.urls import include, path

from . import lineage, updates, versions

lineage_patterns = [
    path("judgments/<int:pk>/lineage/", lineage.JudgmentAPIView.as_view(), name="api-judgment-lineage"),
    path("judgments/<int:pk>/datasets/", lineage.DatasetsAPIView.as_view(), name="api-judgment-datasets"),
    path("versions/<int:number>/lineage/", lineage.VersionAPIView.as_view(), name="api-version-lineage"),
    path("versions/<int:number>/judgments/", lineage.HeldAPIView.as_view(), name="api-version-judgments"),
]

project_patterns = [
    path("updates/", updates.UpdatesAPIView.as_view(), name="api-updates"),
    path("updates/<int:pk>/", updates.UpdateAPIView.as_view(), name="api-update"),
    path("updates/<int:pk>/cancel/", updates.CancelUpdateAPIView.as_view(), name="api-cancel-update"),
    path("updates/<int:pk>/retry/", updates.RetryUpdateAPIView.as_view(), name="api-retry-update"),
    path("sample/", updates.SampleAPIView.as_view(), name="api-sample"),
    path("runs/<int:pk>/", updates.RunAPIView.as_view(), name="api-run"),
    path("runs/<int:pk>/cancel/", updates.CancelRunAPIView.as_view(), name="api-cancel-run"),
    path("versions/", versions.VersionsAPIView.as_view(), name="api-versions"),
    path("versions/<int:number>/", versions.VersionAPIView.as_view(), name="api-version"),
    path("versions/<int:number>/release/", versions.ReleaseVersionAPIView.as_view(), name="api-release"),
    path("versions/<int:number>/reject/", versions.RejectVersionAPIView.as_view(), name="api-reject"),
    *lineage_patterns,
    path("rollback/", versions.RollBackAPIView.as_view(), name="api-roll-back"),
]

urlpatterns = [path("projects/<slug:slug>/", include(project_patterns))]
