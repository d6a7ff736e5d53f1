"""The addresses of ranking."""

from django.urls import include, path

from .views import (
    coming_in,
    datasets,
    desk,
    judged,
    leaving,
    names,
    overview,
    practice,
    practice_comparisons,
    rankings,
    waiting,
)

project_patterns = [
    path("", overview.project, name="project"),
    path("rounds/open/", overview.round_open, name="open-round"),
    path("rounds/close/", overview.round_close, name="close-round"),
    path("rankings/", rankings.rankings, name="rankings"),
    path("rest/close/", overview.rest_close, name="close-rest"),
    path("leaderboard/name/", overview.leaderboard_name, name="leaderboard-name"),
    path("coming-in/", coming_in.coming_in, name="coming-in"),
    path("coming-in/consent/", coming_in.consent, name="consent"),
    path("coming-in/guidelines/", coming_in.guidelines, name="read-guidelines"),
    path("coming-in/practice/", practice.practice, name="practice"),
    path("coming-in/practice/begin/", practice.begin, name="begin-practice"),
    path("coming-in/practice/<int:pk>/", practice.answer, name="practice-answer"),
    path("coming-in/practice/<int:pk>/result/", practice.result, name="practice-result"),
    path("people/<int:pk>/let-in/", waiting.member_let_in, name="let-in"),
    path("people/<int:pk>/another-try/", waiting.member_another_try, name="another-try"),
    path("settings/practice/", practice_comparisons.comparisons, name="practice-comparisons"),
    path("settings/practice/add/", practice_comparisons.add, name="add-practice"),
    path("settings/practice/import/", practice_comparisons.import_file, name="import-practice"),
    path("settings/practice/<int:pk>/", practice_comparisons.edit, name="edit-practice"),
    path("settings/practice/<int:pk>/remove/", practice_comparisons.remove, name="remove-practice"),
    path("rank/", desk.desk, name="desk"),
    path("rank/<int:pk>/judgment/", desk.judgment, name="judgment"),
    path("rank/<int:pk>/skip/", desk.skip, name="skip"),
    path("rank/<int:pk>/renew/", desk.renew, name="renew-seat"),
    path("rank/judged/", judged.judged, name="judged"),
    path("rank/judged/<int:pk>/", judged.correct, name="correct-judgment"),
    path("names/", names.names, name="names"),
    path("names/<int:pk>/", names.decide, name="decide-name"),
    path("names/show/", names.stop_hiding, name="stop-hiding"),
    path("leave/", leaving.leave, name="leave-project"),
    path("datasets/", datasets.datasets, name="datasets"),
    path("datasets/snapshot/", datasets.snapshot, name="take-snapshot"),
    path("datasets/<int:number>/", datasets.dataset, name="dataset"),
    path("datasets/<int:number>/<str:name>", datasets.dataset_file, name="dataset-file"),
]

urlpatterns = [
    path("p/<slug:slug>/", include(project_patterns)),
    path("account/data.zip", leaving.export, name="export-data"),
    path("account/erase/", leaving.erase, name="erase-account"),
    path("account/erased/", leaving.erased, name="account-erased"),
]
