"""URLs of people and material."""

from django.urls import include, path

from .views import (
    account,
    guidelines,
    home,
    joining,
    language,
    people,
    personal_settings,
    project_settings,
    prompts,
)

project_patterns = [
    path("guidelines/", guidelines.guidelines, name="guidelines"),
    path("guidelines/<int:number>/", guidelines.guidelines_version, name="guidelines-version"),
    path("prompts/", prompts.prompt_list, name="prompts"),
    path("prompts/import/", prompts.prompt_import, name="import-prompts"),
    path("prompts/<int:pk>/", prompts.prompt_detail, name="prompt"),
    path("prompts/<int:pk>/withdraw/", prompts.prompt_withdraw, name="withdraw-prompt"),
    path("prompts/<int:pk>/restore/", prompts.prompt_restore, name="restore-prompt"),
    path("people/", people.people, name="people"),
    path("people/invitations/<int:pk>/revoke/", people.invitation_revoke, name="revoke-invitation"),
    path("people/<int:pk>/role/", people.member_role, name="change-role"),
    path("people/<int:pk>/remove/", people.member_remove, name="remove-member"),
    path("settings/", project_settings.project_settings, name="settings"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("p/<slug:slug>/", include(project_patterns)),
    path("language/", language.choose_language, name="choose-language"),
    path("join/<str:token>/", joining.join, name="join"),
    path("sign-in/<str:token>/", joining.sign_in_link, name="sign-in-link"),
    path("account/", account.account, name="account"),
    path("account/settings/", personal_settings.personal_settings, name="personal-settings"),
    path("account/mail/stopped/", personal_settings.mail_stopped, name="mail-stopped"),
    path("account/mail/<str:token>/stop/", personal_settings.unsubscribe, name="unsubscribe"),
    path("account/token/create/", account.api_token_create, name="create-api-token"),
    path("account/token/revoke/", account.api_token_revoke, name="revoke-api-token"),
    # allauth's page for several addresses would let people claim one that is somebody else's.
    path("account/email/", account.email_page_closed, name="account_email"),
    path("account/", include("allauth.urls")),
]
