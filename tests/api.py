"""Clients of the API for tests, and who may use which operation."""

from django.urls import reverse
from rest_framework.test import APIClient

from annotator.models import Project, Role, User
from annotator.services.tokens import create_api_token

V, R, C = Role.VOLUNTEER, Role.REVIEWER, Role.COORDINATOR
API_OPERATIONS = [
    ("api-project", "get", {V, R, C}),
    ("api-prompts", "get", {R, C}),
    ("api-prompts", "post", {C}),
    ("api-withdraw-prompts", "post", {C}),
    ("api-restore-prompts", "post", {C}),
    ("api-next-assignment", "post", {V, R, C}),
    ("api-judgment", "post", {V, R, C}),
    ("api-skip", "post", {V, R, C}),
    ("api-judgments", "get", {V, R, C}),
    ("api-correction", "post", {V, R, C}),
    ("api-preferences", "get", {C}),
    ("api-leaderboard", "get", {R, C}),
    ("api-datasets", "get", {C}),
    ("api-datasets", "post", {C}),
    ("api-dataset", "get", {C}),
    ("api-dataset-file", "get", {C}),
    ("api-dataset-zip", "get", {C}),
    ("api-updates", "get", {C}),
    ("api-updates", "post", {C}),
    ("api-update", "get", {C}),
    ("api-cancel-update", "post", {C}),
    ("api-retry-update", "post", {C}),
    ("api-sample", "post", {C}),
    ("api-run", "get", {C}),
    ("api-cancel-run", "post", {C}),
    ("api-versions", "get", {C}),
    ("api-version", "get", {C}),
    ("api-judgment-lineage", "get", {V, R, C}),
    ("api-judgment-datasets", "get", {V, R, C}),
    ("api-version-lineage", "get", {C}),
    ("api-version-judgments", "get", {C}),
    ("api-release", "post", {C}),
    ("api-reject", "post", {C}),
    ("api-roll-back", "post", {C}),
]
REST_OF_ADDRESS = {
    "api-judgment": [1],
    "api-skip": [1],
    "api-correction": [1],
    "api-dataset": [1],
    "api-dataset-file": [1, "train.jsonl"],
    "api-dataset-zip": [1],
    "api-update": [1],
    "api-cancel-update": [1],
    "api-retry-update": [1],
    "api-run": [1],
    "api-cancel-run": [1],
    "api-version": [1],
    "api-judgment-lineage": [1],
    "api-judgment-datasets": [1],
    "api-version-lineage": [1],
    "api-version-judgments": [1],
    "api-release": [1],
    "api-reject": [1],
}


def address_of(name: str, project: Project) -> str:
    """The address of an operation; objects below the project need not exist."""
    return reverse(name, args=[project.slug, *REST_OF_ADDRESS.get(name, [])])


def client_of(user: User) -> APIClient:
    """A program that signs in with the user's token."""
    return APIClient(headers={"authorization": f"Token {create_api_token(user=user)}"})
