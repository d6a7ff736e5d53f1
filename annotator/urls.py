"""URLs of people and material."""

from allauth.account.views import confirm_email, password_reset_from_key
from django.urls import include, path, register_converter

from .settings_sections import SectionConverter
from .sign_in.secret_links import Base36Converter, SecretConverter
from .views import (
    account,
    groups,
    guidelines,
    home,
    joining,
    language,
    log,
    people,
    personal_settings,
    project_settings,
    prompts,
    webhooks,
    writing_prompts,
)

register_converter(SecretConverter, "secret")
register_converter(SectionConverter, "section")
register_converter(Base36Converter, "base36")

project_patterns = [
    path("guidelines/", guidelines.guidelines, name="guidelines"),
    path("guidelines/<int:number>/", guidelines.guidelines_version, name="guidelines-version"),
    path("groups/", groups.own_groups, name="own-groups"),
    path("groups/decline/", groups.groups_decline, name="decline-groups"),
    path("prompts/", prompts.prompt_list, name="prompts"),
    path("prompts/import/", prompts.prompt_import, name="import-prompts"),
    path("prompts/write/", writing_prompts.prompt_write, name="write-prompts"),
    path("prompts/<int:number>/", prompts.prompt_detail, name="prompt"),
    path("prompts/<int:number>/edit/", writing_prompts.prompt_edit, name="edit-prompt"),
    path("prompts/<int:number>/withdraw/", prompts.prompt_withdraw, name="withdraw-prompt"),
    path("prompts/<int:number>/restore/", prompts.prompt_restore, name="restore-prompt"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite_many, name="invite-many"),
    path("people/open-link/", people.open_link_make, name="make-open-link"),
    path("people/invitations/<int:pk>/revoke/", people.invitation_revoke, name="revoke-invitation"),
    path("people/<int:pk>/role/", people.member_role, name="change-role"),
    path("people/<int:pk>/remove/", people.member_remove, name="remove-member"),
    path("log/", log.log, name="log"),
    path("log/export/<str:file_format>/", log.log_export, name="log-export"),
    path("settings/", project_settings.project_settings, name="settings"),
    path("settings/webhooks/", webhooks.webhooks, name="webhooks"),
    path("settings/webhooks/<int:pk>/test/", webhooks.webhook_test, name="test-webhook"),
    path("settings/webhooks/<int:pk>/remove/", webhooks.webhook_remove, name="remove-webhook"),
    path("settings/<section:section>/", project_settings.project_settings, name="settings-section"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("p/<slug:slug>/", include(project_patterns)),
    path("language/", language.choose_language, name="choose-language"),
    path("join/", joining.join, name="accept-invitation"),
    path("join/<secret:token>/", joining.join_link, name="join"),
    path("sign-in/", joining.sign_in, name="use-sign-in-link"),
    path("sign-in/<secret:token>/", joining.sign_in_link, name="sign-in-link"),
    path("account/", account.account, name="account"),
    path("account/settings/", personal_settings.personal_settings, name="personal-settings"),
    path("account/mail/stopped/", personal_settings.mail_stopped, name="mail-stopped"),
    path("account/mail/<secret:token>/stop/", personal_settings.unsubscribe, name="unsubscribe"),
    path("account/token/create/", account.api_token_create, name="create-api-token"),
    path("account/token/revoke/", account.api_token_revoke, name="revoke-api-token"),
    path("account/sessions/<int:pk>/end/", account.session_end, name="end-session"),
    # allauth's page for several addresses would let people claim one that is somebody else's.
    path("account/email/", account.email_page_closed, name="account_email"),
    # allauth's own do not say that they hold a secret.
    path(
        "account/password/reset/key/<base36:uidb36>-<secret:key>/",
        password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("account/confirm-email/<secret:key>/", confirm_email, name="account_confirm_email"),
    path("account/", include("allauth.urls")),
]
