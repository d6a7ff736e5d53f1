"""The addresses of training, which are for coordinators, of the chat, and of the API for chat programs."""

from django.urls import include, path, re_path

from .api.openai import views as openai
from .models import Routine
from .views import (
    base_models,
    deleting,
    founding,
    overview,
    report,
    routines,
    schedules,
    serving,
    timeline,
    transparency,
)
from .views.chat import answers, conversations, reactions, review, visitors
from .views.lineage import judgments
from .views.lineage.version import version_lineage
from .views.updates import comparing, update
from .views.versions import adapters, exports, safety, starting, version

project_patterns = [
    path("", overview.training, name="training"),
    path("sample/", overview.sample, name="sample"),
    path("sampling/<int:pk>/cancel/", overview.sampling_cancel, name="cancel-sampling"),
    path("roll-back/", overview.go_back, name="roll-back"),
    path("base-model/", base_models.base_model, name="base-model"),
    path("base-model/retry/", base_models.base_model_retry, name="retry-base-model"),
    path("schedule/", schedules.schedule, name="schedule"),
    *(
        path(f"schedule/{kind}/", routines.routine, {"kind": kind}, name=f"schedule-{kind}")
        for kind in Routine.Kind.values
    ),
    path("serving/", serving.serving, name="serving"),
    path("rounds/", timeline.timeline, name="timeline"),
    path("rounds/<int:number>/", timeline.round_detail, name="round"),
    path("rounds/<int:number>/report/", report.report, name="report"),
    path("updates/start/", update.update_start, name="start-update"),
    path("updates/<int:number>/", update.update_detail, name="update"),
    path("updates/<int:number>/curves.json", update.update_curves, name="update-curves"),
    path("updates/<int:number>/compare/", comparing.update_compare, name="compare-updates"),
    path("updates/<int:number>/cancel/", update.update_cancel, name="cancel-update"),
    path("updates/<int:number>/retry/", update.update_retry, name="retry-update"),
    path("versions/", version.family, name="versions"),
    path("versions/start/", starting.version_start, name="start-from"),
    path("versions/<int:number>/", version.version_detail, name="version"),
    path("versions/<int:number>/lineage/", version_lineage, name="version-lineage"),
    path("versions/<int:number>/safety/", safety.version_safety, name="version-safety"),
    path("versions/<int:number>/files/retry/", exports.export_retry, name="retry-export"),
    path("versions/<int:number>/files/<slug:part>.gguf", exports.export_file, name="export-file"),
    path("versions/<int:number>/adapter/<str:name>", adapters.adapter_file, name="adapter-file"),
    path("versions/<int:number>/delete-files/", version.version_delete_files, name="delete-version-files"),
    path("versions/<int:number>/release/", version.version_release, name="release-version"),
    path("versions/<int:number>/reject/", version.version_reject, name="reject-version"),
    path("versions/<int:number>/test/", version.version_test, name="start-test"),
]

chat_patterns = [
    path("", conversations.chat, name="chat"),
    path("<int:pk>/", conversations.conversation, name="conversation"),
    path("<int:pk>/delete/", conversations.delete, name="delete-conversation"),
    path("<int:pk>/teach/", conversations.teach, name="teach"),
    path("<int:pk>/teach/take-back/", conversations.take_back, name="take-back-teaching"),
    path("turns/<int:pk>/", answers.turn, name="turn"),
    path("turns/<int:pk>/answer/", answers.answer, name="answer-turn"),
    path("turns/<int:pk>/second/", answers.second, name="second-answer"),
    path("turns/<int:pk>/stop/", answers.stop, name="stop-answer"),
    path("replies/<int:pk>/thumb/", reactions.thumb, name="thumb"),
    path("replies/<int:pk>/edit/", reactions.edit, name="edit-reply"),
    path("choices/<int:pk>/", reactions.choose_reply, name="choose-reply"),
    path("review/", review.queue, name="chat-review"),
    path("review/<int:pk>/", review.decide, name="decide-turn"),
]

visitor_patterns = [
    path("talk/<slug:project>/", visitors.talk, name="talk"),
    path("talk/<slug:project>/answer/", visitors.answer, name="talk-answer"),
    path("talk/<slug:project>/turn/", visitors.turn, name="talk-turn"),
    path("talk/<slug:project>/stop/", visitors.stop, name="talk-stop"),
    path("talk/<slug:project>/forget/", visitors.forget, name="talk-forget"),
]

openai_patterns = [
    path("models", openai.ModelsView.as_view(), name="openai-models"),
    path("models/<str:name>", openai.ModelView.as_view(), name="openai-model"),
    path("chat/completions", openai.ChatCompletionsView.as_view(), name="openai-chat"),
    re_path("", openai.UnknownView.as_view()),
]

judgment_patterns = [
    path("", judgments.judgments, name="judgments"),
    path("<int:pk>/", judgments.judgment_lineage, name="judgment-lineage"),
]

urlpatterns = [
    path("projects/new/", founding.new_project, name="new-project"),
    path("projects/new/check/", founding.founding, name="founding"),
    path("projects/new/stop/", founding.founding_stop, name="stop-founding"),
    path("p/<slug:slug>/settings/delete/", deleting.project_delete, name="delete-project"),
    path("p/<slug:slug>/training/", include(project_patterns)),
    path("p/<slug:slug>/judgments/", include(judgment_patterns)),
    path("p/<slug:slug>/chat/", include(chat_patterns)),
    path("transparency/<slug:project>/", transparency.transparency, name="transparency"),
    *visitor_patterns,
    path("v1/", include(openai_patterns)),
]
