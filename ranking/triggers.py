"""Rules between the tables of ranking; `annotator.triggers` enforces them."""

from annotator.triggers import Rule, changed


def _item_exists(completion: str, comparison: str) -> str:
    matches = f"i.comparison_id = {comparison} AND i.completion_id = {completion}"
    return f"EXISTS (SELECT 1 FROM ranking_comparisonitem i WHERE {matches})"  # noqa: S608  (our own words)


JUDGED_COMPARISON = "(SELECT j.comparison_id FROM ranking_judgment j WHERE j.id = NEW.judgment_id)"
JUDGED_AS = "(SELECT j.verdict FROM ranking_judgment j WHERE j.id = NEW.judgment_id)"

RANKS = "(SELECT COUNT(*) FROM ranking_rankedcompletion r WHERE r.judgment_id = NEW.id)"
ITEMS = "(SELECT COUNT(*) FROM ranking_comparisonitem i WHERE i.comparison_id = NEW.comparison_id)"
WHOLE = f"(NEW.verdict <> 'ranked' OR {RANKS} = {ITEMS})"

CORRECTED = "EXISTS (SELECT 1 FROM ranking_judgment c WHERE c.corrects_id = NEW.id)"

FREE_IN_CHAT = (
    "NEW.state <> 'done' AND "
    "(SELECT c.source FROM ranking_comparison c WHERE c.id = NEW.comparison_id) = 'chat'"
)
# It began as done, so that claiming one that was not, and finishing one, look at no comparison.
WAS_DONE_OR_ELSEWHERE = f"(OLD.state = 'done' OR {changed('comparison_id')})"

RULES = (
    Rule(
        "assignment_in_its_comparisons_round",
        "ranking_assignment",
        "INSERT",
        "NEW.round_id <> (SELECT c.round_id FROM ranking_comparison c WHERE c.id = NEW.comparison_id)",
        "an assignment belongs to the round of its comparison",
    ),
    Rule(
        "assignment_done_by_a_whole_judgment",
        "ranking_assignment",
        "UPDATE",
        "NEW.state = 'done' AND NOT EXISTS "
        "(SELECT 1 FROM ranking_judgment j WHERE j.assignment_id = NEW.id AND j.is_current)",
        "an assignment is done by a judgment that counts",
    ),
    Rule(
        "assignment_in_the_chat_is_done",
        "ranking_assignment",
        "INSERT",
        FREE_IN_CHAT,
        "a comparison from the chat is given to nobody",
    ),
    Rule(
        "assignment_in_the_chat_stays_done",
        "ranking_assignment",
        "UPDATE",
        f"{WAS_DONE_OR_ELSEWHERE} AND {FREE_IN_CHAT}",
        "a comparison from the chat is given to nobody",
    ),
    Rule(
        "lapsed_assignment_went_to_someone_else",
        "ranking_lapsedassignment",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM ranking_assignment a WHERE a.id = NEW.assignment_id "
        "AND a.comparison_id = NEW.comparison_id AND a.volunteer_id <> NEW.volunteer_id)",
        "an assignment is lapsed for one volunteer when another has it",
    ),
    Rule(
        "lapsed_assignment_unchanged",
        "ranking_lapsedassignment",
        "UPDATE",
        changed("assignment_id", "comparison_id", "volunteer_id", "key"),
        "a lapsed assignment does not change",
    ),
    Rule(
        "item_answers_the_prompt",
        "ranking_comparisonitem",
        "INSERT",
        "(SELECT c.prompt_id FROM ranking_comparison c WHERE c.id = NEW.comparison_id) <> "
        "(SELECT a.prompt_id FROM annotator_completion a WHERE a.id = NEW.completion_id)",
        "a compared completion answers the prompt of the comparison",
    ),
    Rule(
        "items_fixed_once_judged",
        "ranking_comparisonitem",
        "INSERT",
        "EXISTS (SELECT 1 FROM ranking_judgment j WHERE j.comparison_id = NEW.comparison_id)",
        "a comparison that was judged gets no further completion",
    ),
    Rule(
        "item_unchanged",
        "ranking_comparisonitem",
        "UPDATE",
        changed("comparison_id", "completion_id"),
        "the completions of a comparison do not change",
    ),
    Rule(
        "judgment_from_its_assignment",
        "ranking_judgment",
        "INSERT",
        "(NEW.assignment_id IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM ranking_assignment a WHERE a.id = NEW.assignment_id "
        "AND a.comparison_id = NEW.comparison_id AND a.volunteer_id = NEW.volunteer_id)) "
        "OR (NEW.lapsed_assignment_id IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM ranking_lapsedassignment l WHERE l.id = NEW.lapsed_assignment_id "
        "AND l.comparison_id = NEW.comparison_id AND l.volunteer_id = NEW.volunteer_id))",
        "a judgment is given by who holds or held an assignment at its comparison",
    ),
    Rule(
        "judgment_unchanged",
        "ranking_judgment",
        "UPDATE",
        changed("comparison_id", "assignment_id", "lapsed_assignment_id", "volunteer_id", "corrects_id")
        + " OR "
        + changed("verdict", "reason", "late", "by_reviewer", "weight")
        + f" OR OLD.taken_back_at IS NOT NULL AND ({changed('taken_back_at')})",
        "a judgment does not change",
    ),
    Rule(
        "judgment_begins_without_parts",
        "ranking_judgment",
        "INSERT",
        "NEW.is_current",
        "a judgment counts once it is whole, not before",
    ),
    # The last step of taking a judgment, so that none counts that leaves an answer unranked.
    Rule(
        "judgment_counts_once_whole",
        "ranking_judgment",
        "UPDATE",
        f"NEW.is_current AND NOT OLD.is_current AND (NOT ({WHOLE}) OR {CORRECTED})",
        "a judgment counts that ranks every completion or says why not, until it is corrected",
    ),
    Rule(
        "judgment_counts_until_corrected",
        "ranking_judgment",
        "UPDATE",
        f"OLD.is_current AND NOT NEW.is_current AND NEW.taken_back_at IS NULL AND NOT {CORRECTED}",
        "a judgment counts until it is corrected, a decision until it is taken back",
    ),
    Rule(
        "correction_by_the_same_volunteer",
        "ranking_judgment",
        "INSERT",
        "NEW.corrects_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ranking_judgment j "
        "JOIN ranking_comparison c ON c.id = j.comparison_id JOIN ranking_round r ON r.id = c.round_id "
        "WHERE j.id = NEW.corrects_id AND j.comparison_id = NEW.comparison_id "
        "AND j.volunteer_id = NEW.volunteer_id AND j.late = NEW.late AND j.by_reviewer = NEW.by_reviewer "
        "AND COALESCE(j.assignment_id, 0) = COALESCE(NEW.assignment_id, 0) "
        "AND COALESCE(j.lapsed_assignment_id, 0) = COALESCE(NEW.lapsed_assignment_id, 0) "
        "AND (j.taken_back_at IS NOT NULL OR j.is_current AND NOT j.by_reviewer AND r.closed_at IS NULL))",
        "a correction takes the place of a current judgment of its volunteer in an open round, or of a "
        "decision that they took back",
    ),
    Rule(
        "rank_of_compared_completion",
        "ranking_rankedcompletion",
        "INSERT",
        f"NOT {_item_exists('NEW.completion_id', JUDGED_COMPARISON)}",
        "a ranked completion is part of the comparison",
    ),
    Rule(
        "rank_where_it_can_be_ranked",
        "ranking_rankedcompletion",
        "INSERT",
        f"{JUDGED_AS} = 'cannot_rank'",
        "a judgment that a comparison cannot be ranked has no ranks",
    ),
    Rule(
        "rank_unchanged",
        "ranking_rankedcompletion",
        "UPDATE",
        changed("judgment_id", "completion_id", "rank"),
        "a rank does not change",
    ),
    Rule(
        "flag_on_compared_completion",
        "ranking_flag",
        "INSERT",
        f"NOT {_item_exists('NEW.completion_id', JUDGED_COMPARISON)}",
        "a flagged completion is part of the comparison",
    ),
    Rule(
        "flag_unchanged",
        "ranking_flag",
        "UPDATE",
        changed("judgment_id", "completion_id"),
        "a flag stays where it was put",
    ),
    Rule(
        "rating_of_compared_completion",
        "ranking_rating",
        "INSERT",
        f"NOT {_item_exists('NEW.completion_id', JUDGED_COMPARISON)}",
        "a rated completion is part of the comparison",
    ),
    Rule(
        "rating_unchanged",
        "ranking_rating",
        "UPDATE",
        changed("judgment_id", "completion_id", "criterion", "score"),
        "a rating does not change",
    ),
    Rule(
        "demonstration_improves_a_compared_completion",
        "ranking_demonstration",
        "INSERT",
        f"NOT {_item_exists('NEW.original_id', JUDGED_COMPARISON)} "
        f"OR {_item_exists('NEW.completion_id', JUDGED_COMPARISON)}",
        "a demonstration improves a completion of the comparison and is none of them",
    ),
    Rule(
        "demonstration_by_its_volunteer",
        "ranking_demonstration",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM ranking_judgment j "
        "JOIN ranking_comparison c ON c.id = j.comparison_id "
        "JOIN annotator_completion a ON a.prompt_id = c.prompt_id "
        "JOIN annotator_author w ON w.id = a.author_id "
        "WHERE j.id = NEW.judgment_id AND a.id = NEW.completion_id "
        "AND w.kind = 'person' AND w.user_id = j.volunteer_id)",
        "a demonstration answers the prompt of the comparison and is written by who judged",
    ),
    *(
        Rule(
            f"demonstration_edited_in_its_volunteers_name_{event.lower()}",
            "ranking_demonstration",
            event,
            "NEW.edited_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM annotator_completion e "
            "JOIN annotator_completion w ON w.prompt_id = e.prompt_id AND w.author_id = e.author_id "
            "WHERE e.id = NEW.edited_id AND w.id = NEW.completion_id)",
            "an edited demonstration has the prompt and the author of what was written",
        )
        for event in ("INSERT", "UPDATE")
    ),
    Rule(
        "demonstration_unchanged",
        "ranking_demonstration",
        "UPDATE",
        changed("judgment_id", "original_id", "completion_id"),
        "a demonstration does not change",
    ),
)
