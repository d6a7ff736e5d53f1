"""The leaderboard of versions."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotator.access import STAFF
from annotator.api.access import ProjectAPIView
from ranking.leaderboard_forms import SliceForm
from ranking.models import Judgment
from ranking.models.leaderboard import Board, leaderboard_of
from ranking.models.reliability import fit_of


class StandingSerializer(serializers.Serializer):
    version = serializers.CharField(source="author.name", help_text="The name of whose answers they are.")
    rating = serializers.FloatField(help_text="The versions of a board have 1000 on average.")
    low = serializers.FloatField(
        allow_null=True, help_text="Of its 95 % interval; null where too few people or prompts tell of it."
    )
    high = serializers.FloatField(allow_null=True)
    rank = serializers.IntegerField(
        help_text="One more than the number of versions whose intervals lie wholly above its own."
    )
    votes = serializers.IntegerField()
    people = serializers.IntegerField()


class WinsSerializer(serializers.Serializer):
    version = serializers.CharField()
    against = serializers.CharField()
    points = serializers.FloatField(help_text="Wins, and half of the ties.")
    votes = serializers.IntegerField()


class BoardSerializer(serializers.Serializer):
    votes = serializers.IntegerField()
    people = serializers.IntegerField()
    prompts = serializers.IntegerField()
    simulated_votes = serializers.IntegerField()
    first_changes_without = serializers.IntegerField(
        source="first_place.votes",
        allow_null=True,
        help_text="So few votes were found without which the best version is not first alone.",
    )
    one_person_changes_first = serializers.BooleanField(source="first_place.one_person")
    versions = StandingSerializer(source="standings", many=True, help_text="The best first.")
    wins = serializers.SerializerMethodField()

    @extend_schema_field(WinsSerializer(many=True))
    def get_wins(self, board: Board) -> list[dict[str, Any]]:
        return [
            {
                "version": each.author.name,
                "against": other.author.name,
                "points": won.points,
                "votes": won.votes,
            }
            for each, wins in board.rows
            for won, other in wins
            if won
        ]


class LeaderboardSerializer(serializers.Serializer):
    boards = BoardSerializer(
        many=True, help_text="One for each set of versions that votes connect, the largest first."
    )
    doubted_people = serializers.IntegerField(
        source="doubted", help_text="Whose votes are left out, as their reliability is doubted."
    )


class LeaderboardAPIView(ProjectAPIView):
    roles = {"GET": STAFF}
    serializer_class = LeaderboardSerializer

    @extend_schema(
        tags=["Versions"],
        summary="Rate versions by what people preferred",
        description="Bradley–Terry ratings from all judgments on answers of different versions. Where no "
        "votes connect versions, these cannot be compared and are on different boards.",
        parameters=[
            OpenApiParameter("language", str, description="Of the prompts, such as `pt`."),
            OpenApiParameter("tag", str, description="Of the prompts, in lower case."),
        ],
        responses=LeaderboardSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        form = SliceForm(request.query_params, project=self.project)
        judgments = form.narrow(Judgment.objects.of_project(self.project))
        return Response(self.get_serializer(leaderboard_of(judgments, fit_of(self.project))).data)
