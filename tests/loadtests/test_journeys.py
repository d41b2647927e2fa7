"""The visits that the load test draws."""

from pathlib import Path
from random import Random

from edgeseg.rule_folder import RuleFolder
from loadtests.journeys import ACCOUNTS, Visit, make_visit


def draw(count: int = 400) -> list[Visit]:
    """Draw visits from one seed."""
    chance = Random(7)
    return [make_visit(chance) for _ in range(count)]


def test_a_seed_draws_the_same_visits_again() -> None:
    """A run that showed a fault can be repeated."""
    assert draw() == draw()


def test_every_consent_occurs() -> None:
    """A load of visitors who all consent would miss the paths of the others."""
    visits = draw()
    assert {str(visit.consent) for visit in visits} == {
        "{'marketing': True}",
        "{'marketing': False}",
        "None",
    }


def test_events_are_those_that_the_sample_rules_declare() -> None:
    """With another name for the product nothing is counted of it, and nothing recommended."""
    root = Path(__file__).parents[2]
    declared = RuleFolder(root / "rules", root / "templates").build().definitions.events
    for visit in draw():
        for event in (event for page_view in visit.page_views for event in page_view.events):
            assert event["properties"].keys() <= (declared[event["event"]].properties or {}).keys()


def test_the_tutorial_is_among_the_journeys() -> None:
    """Some visitors read an account and submit the form, so segments are entered and left."""
    for visit in draw():
        paths = [page_view.path for page_view in visit.page_views]
        events = [event["event"] for page_view in visit.page_views for event in page_view.events]
        if "form_submitted" in events:
            assert set(paths) & set(ACCOUNTS)
            return
    raise AssertionError("nobody submitted the form")


def test_message_ids_are_not_repeated() -> None:
    """A repeated id would be dropped as a duplicate and load nothing."""
    ids = [
        event["messageId"]
        for visit in draw()
        for page_view in visit.page_views
        for event in page_view.events
    ]
    assert len(ids) == len(set(ids))
