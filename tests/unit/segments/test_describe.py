"""Every kind of condition in plain English: stable, since people learn to read it."""

from zoneinfo import ZoneInfo

import pytest

from edgeseg.events.schema import Field
from edgeseg.segments.condition import EVERYONE, Not
from edgeseg.segments.definitions import read_definitions, read_sections
from edgeseg.segments.describe import describe, describe_segment
from edgeseg.segments.rule import Definitions, NamedMetric, Segment
from edgeseg.segments.trial import read_condition

FIELDS = [
    Field(id="plan", label="Plan", type="text"),
    Field(id="due", label="Due date", type="date"),
    Field(id="topics", label="Topics", type="list"),
]
METRICS = [
    NamedMetric(id="euros", label="Total in EUR", event="o", aggregate="sum", of="revenue"),
    NamedMetric(id="visits", label="Number of visits", event="v", aggregate="count"),
    NamedMetric(id="orders", label="Orders", event="o", aggregate="count"),
    NamedMetric(id="spent", label="Total spend", event="o", aggregate="sum", of="revenue"),
    NamedMetric(
        id="appointments", label="Appointments", event="a", aggregate="instants", of="starts_at"
    ),
]
DEFINITIONS = Definitions(
    fields={field.id: field for field in FIELDS},
    metrics={metric.id: metric for metric in METRICS},
    segments={"vip": Segment(id="vip", name="Very important", when=EVERYONE)},
)


@pytest.mark.parametrize(
    ("when", "told"),
    [
        (
            '{"all": []}',
            "who are anybody",
        ),
        (
            '{"any": []}',
            "who are nobody",
        ),
        (
            '{"none": []}',
            "who are anybody",
        ),
        (
            '{"not": {"consent": "marketing"}}',
            "who have not agreed to marketing",
        ),
        (
            '{"all": [{"consent": "marketing"}, {"any": [{"tag": "a"}, {"tag": "b"}]}]}',
            "who have agreed to marketing and either who have the tag a or who have the tag b",
        ),
        (
            '{"field": "topics", "has_all": ["a", "b"], "ignore_case": true}',
            "whose topics include a and b, whatever the case",
        ),
        (
            '{"event": "page_viewed", "where": {"path": {"eq": "/a", "ignore_case": true}}}',
            "who have viewed a page whose path is /a, whatever the case",
        ),
        (
            '{"field": "plan", "eq": "pro"}',
            "whose plan is pro",
        ),
        (
            '{"field": "plan", "not_in": ["pro", "max"]}',
            "whose plan is not pro or max",
        ),
        (
            '{"field": "plan", "starts_with": "p", "ignore_case": true}',
            "whose plan starts with p, whatever the case",
        ),
        (
            '{"field": "topics", "has_all": ["a", "b"]}',
            "whose topics include a and b",
        ),
        (
            '{"field": "due", "before": "30d"}',
            "whose due date is more than 30 days ago",
        ),
        (
            '{"field": "plan", "exists": false}',
            "whose plan is not known",
        ),
        (
            '{"metric": "orders", "gte": 2}',
            "whose number of orders is at least 2",
        ),
        (
            '{"metric": "spent", "between": [10, 20]}',
            "whose total spend is between 10 and 20",
        ),
        (
            '{"metric": "appointments", "within_next": "7d"}',
            "one of whose appointments is within the next 7 days",
        ),
        (
            '{"not": {"metric": "appointments", "within_next": "7d"}}',
            "none of whose appointments is within the next 7 days",
        ),
        (
            '{"metric": "appointments", "exists": true}',
            "who have any appointments",
        ),
        (
            '{"metric": "appointments", "exists": false}',
            "who have no appointments",
        ),
        (
            '{"metric": "appointments", "ne": "2027-01-01"}',
            "none of whose appointments is 2027-01-01",
        ),
        (
            '{"metric": "appointments", "after": "2027-01-01", "within_last": "3d"}',
            (
                "one of whose appointments is after 2027-01-01"
                " and one of whose appointments is within the last 3 days"
            ),
        ),
        (
            '{"context": "device", "in": ["mobile", "tablet"]}',
            "whose device is mobile or tablet",
        ),
        (
            '{"event": "order_completed"}',
            "who have completed an order",
        ),
        (
            '{"event": "order_cancelled", "within": "30d"}',
            "who have cancelled an order in the last 30 days",
        ),
        (
            '{"event": "order_refunded", "count": {"gte": 2}}',
            "who have been refunded an order at least 2 times",
        ),
        (
            '{"event": "appointment_booked", "where": {"branch": "Brno"}}',
            "who have booked an appointment whose branch is Brno",
        ),
        (
            '{"event": "order_completed", "sum": {"of": "revenue", "gte": 1000}}',
            "who have completed an order for a total revenue that is at least 1,000",
        ),
        (
            '{"event": "x", "first": {"within": "30d"}}',
            "who have done “x” for the first time within the last 30 days",
        ),
        (
            '{"event": "x", "last": {"before": "60d"}}',
            "who have done “x” for the last time more than 60 days ago",
        ),
        (
            '{"event": "x", "between": ["2027-01-01", "2027-02-01"]}',
            "who have done “x” from 2027-01-01 until 2027-02-01",
        ),
        (
            '{"sequence": [{"event": "product_viewed"}, {"event": "x"}], "within": "1d"}',
            "who have viewed a product and then done “x” in the last day",
        ),
        (
            '{"event": "product_added", "not_followed_by": {"event": "x"}, "within": "1h"}',
            "who have added a product to the cart without having done “x” within 1 hour",
        ),
        (
            '{"affinity": {"to": "category", "value": "shoes"}}',
            "who have shoes as their strongest interest in category",
        ),
        (
            '{"affinity": {"to": "category", "value": "shoes", "rank": 3}}',
            "who have shoes among their 3 strongest interests in category",
        ),
        (
            '{"tag": "vip"}',
            "who have the tag vip",
        ),
        (
            '{"list": "guests"}',
            "who are on the list guests",
        ),
        (
            '{"share": {"percent": 50, "salt": "s"}}',
            "who are in the s share of 50 %",
        ),
        (
            '{"event": "o", "count": {"between": [2, 4]}}',
            "who have done “o” between 2 and 4 times",
        ),
        (
            '{"not": {"event": "o", "count": {"between": [2, 4]}}}',
            "who have done “o” fewer than 2 or more than 4 times",
        ),
        (
            '{"context": "custom.x", "in": [1, "1", true, "true", "a"]}',
            "whose custom x is 1, “1”, true, “true”, or a",
        ),
        (
            '{"all": [{"tag": "a"}, {"none": [{"tag": "b"}, {"tag": "c"}]}]}',
            "who have the tag a, who do not have the tag b, and who do not have the tag c",
        ),
        (
            '{"all": [{"tag": "a"}, {"not": {"all": [{"tag": "b"}, {"tag": "c"}]}}]}',
            "who have the tag a and either who do not have the tag b or who do not have the tag c",
        ),
        (
            '{"context": "hour", "gte": 18, "time_zone": "visitor"}',
            "whose hour in their own time zone is at least 18",
        ),
        (
            '{"segment": "vip"}',
            "who are in Very important",
        ),
        (
            '{"field": "topics", "has_any": ["a", "b"]}',
            "one of whose topics is a or b",
        ),
        (
            '{"field": "topics", "ne": "a"}',
            "none of whose topics is a",
        ),
        (
            '{"field": "plan", "has_none": ["pro", "max"]}',
            "whose plan is not pro or max",
        ),
        (
            '{"field": "plan", "semver_gte": "2.10.0"}',
            "whose plan is 2.10.0 or newer",
        ),
        (
            '{"metric": "euros", "gt": 5}',
            "whose total in EUR is over 5",
        ),
        (
            '{"metric": "visits", "gt": 5}',
            "whose number of visits is over 5",
        ),
        (
            '{"context": "visit.pages", "gte": 3}',
            "whose number of pages in this visit is at least 3",
        ),
        (
            '{"context": "query.ref", "exists": true}',
            "whose query parameter ref is known",
        ),
        (
            '{"context": "utm_source", "eq": "news"}',
            "whose UTM source is news",
        ),
        (
            '{"context": "weekday", "in": ["sat", "sun"]}',
            "whose weekday is Saturday or Sunday",
        ),
        (
            '{"event": "o", "count": 0}',
            "who have not done “o”",
        ),
        (
            '{"event": "o", "count": {"gte": 1}}',
            "who have done “o”",
        ),
        (
            '{"event": "o", "sum": {"of": "revenue", "lt": 10}, "within": "7d"}',
            (
                "who have done “o” in the last 7 days for a total revenue that is under 10,"
                " or not at all"
            ),
        ),
        (
            '{"event": "o", "first": {"exists": false}}',
            "who have not done “o”",
        ),
        (
            '{"event": "o", "last": {"exists": true}}',
            "who have done “o” before this visit",
        ),
        (
            '{"event": "o", "last": {"ne": "2027-01-01"}}',
            "who have not done “o” for the last time on 2027-01-01",
        ),
        (
            (
                '{"any": [{"event": "page_viewed", "where": {"path": "/a"}},'
                ' {"event": "page_viewed", "where": {"path": "/b"}}]}'
            ),
            "who have viewed any of /a or /b",
        ),
        (
            (
                '{"all": [{"tag": "a"}, {"any": [{"event": "page_viewed", "where": {"path": "/a"}},'
                ' {"event": "page_viewed", "where": {"path": {"glob": "/b/*"}}}]}]}'
            ),
            "who have the tag a and who have viewed /a or a page whose path matches /b/*",
        ),
        (
            (
                '{"any": [{"list": "a"},'
                ' {"all": [{"tag": "b"}, {"all": [{"tag": "c"}, {"list": "d"}]}]}]}'
            ),
            (
                "who are on the list a"
                " or (who have the tag b, who have the tag c, and who are on the list d)"
            ),
        ),
    ],
)
def test_a_condition_is_told_in_plain_english(when: str, told: str) -> None:
    """One of each kind, and what is special of it."""
    assert describe(read_condition(when, DEFINITIONS), DEFINITIONS) == told


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ('{"tag": "vip"}', "who do not have the tag vip"),
        ('{"metric": "orders", "gte": 2}', "whose number of orders is not at least 2"),
        (
            '{"metric": "appointments", "after": "2027-01-01", "within_last": "3d"}',
            (
                "none of whose appointments is after 2027-01-01"
                " or none of whose appointments is within the last 3 days"
            ),
        ),
        ('{"metric": "appointments", "exists": true}', "who have no appointments"),
        (
            '{"event": "order_completed", "first": {"within": "30d"}}',
            "who have not completed an order for the first time within the last 30 days",
        ),
        (
            '{"any": [{"tag": "a"}, {"tag": "b"}]}',
            "who do not have the tag a and who do not have the tag b",
        ),
    ],
)
def test_what_is_not_so_is_told_by_turning_every_part(when: str, told: str) -> None:
    """Without a "not" in front of a whole group."""
    assert describe(Not(read_condition(when, DEFINITIONS)), DEFINITIONS) == told


def test_versions_under_test_and_seasons_are_told() -> None:
    """Who gets which version, by what share, and on which days it may have anybody."""
    rules = """
segments:
  - id: a
    active:
      from: 2026-11-01
      until: 2026-12-24
      every: {weekday: [mon], from: "22:00", until: "06:00"}
    experiment:
      versions:
        - {id: v1, weight: 1, when: {tag: x}}
        - {id: off, weight: 0, when: {tag: y}}
        - {id: v2, weight: 2, when: {tag: z}}
    when: {tag: b}
"""
    definitions, _readers = read_definitions(read_sections({"a.yaml": rules}, []))
    assert describe_segment(definitions.segments["a"], definitions) == (
        "Visitors who come in the season from 2026-11-01 until 2026-12-24 on Monday"
        " between 22:00 and 06:00,"
        " either (who are among the 33.33 % with version v1 and who have the tag x)"
        " or (who are among the 66.67 % with version v2 and who have the tag z),"
        " and who have the tag b."
    )


def test_a_season_by_other_clocks_than_those_of_the_site_says_so() -> None:
    """Eight in the morning is not the same everywhere; where it is the site's, nothing is added."""
    active = "{every: {from: '08:00', until: '20:00'}, time_zone: Asia/Tokyo}"
    rules = {"a.yaml": f"segments: [{{id: a, active: {active}, when: {{all: []}}}}]"}
    for zone, clocks in (("Asia/Tokyo", ""), ("Europe/Prague", " by the clocks of Asia/Tokyo")):
        definitions, _readers = read_definitions(read_sections(rules, []), ZoneInfo(zone))
        told = describe_segment(definitions.segments["a"], definitions)
        assert told == f"Visitors who come in the season between 08:00 and 20:00{clocks}."
