"""The snapshot: one immutable, versioned, compiled set of rules. A request sees one."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from hashlib import blake2b
from typing import Final

import msgspec

from edgeseg.decisions.campaign import Campaign, Slot
from edgeseg.decisions.campaign_reader import Placements
from edgeseg.decisions.choose import Chance, Contest
from edgeseg.decisions.content import Contents
from edgeseg.decisions.judgements import Judgement, Judgements
from edgeseg.decisions.outcome_plan import OutcomePlan, plan_outcomes
from edgeseg.decisions.policy import Policy
from edgeseg.decisions.recommendation import Remembered
from edgeseg.decisions.recommendation_plan import plan_recommendations
from edgeseg.decisions.render import Renderer
from edgeseg.decisions.template_check import check_templates
from edgeseg.errors import Problem, RulesError
from edgeseg.metric_plan import MetricPlan
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.definitions import Entry, read_definitions, read_sections
from edgeseg.segments.evaluator import Evaluator
from edgeseg.segments.fact_sources import FactSources
from edgeseg.segments.facts import Facts
from edgeseg.segments.rule import Definitions, Segment
from edgeseg.segments.rule_files import peek_id
from edgeseg.segments.traits import BASE_BYTES

CAMPAIGN: Final = "campaign/"
"""Prefix of a campaign's audience among the rules; no segment id has a slash."""


class Snapshot(msgspec.Struct, frozen=True):
    """Everything that decides on a page view.

    Attributes:
        version: 12 hex digits over the files; equal files have equal versions.
        campaigns: slot → its campaigns, most important first.
        plan: which events feed which metrics.
        sources: which facts the rules ask about.
        contest: chooses among the campaigns.
        contents: renders what was chosen.
        policy: what holds for all campaigns.
        by_key: key among the rules → campaign.
        shown: sticky campaign → key of the metric that tells which variants were shown.
        outcomes: what to know of a visitor to tell what campaigns bring.
        judgements: what they said of visitors a moment ago, and what was shown for it.
        varied: the segments that any slot varies on, sorted.
        remembered: where profiles tell of products, None where none are recommended.
        popular_in: segments in which it is counted what is popular.
    """

    version: str
    definitions: Definitions
    slots: Mapping[str, Slot]
    campaigns: Mapping[str, Sequence[Campaign]]
    plan: MetricPlan
    sources: FactSources
    evaluator: Evaluator
    renderer: Renderer
    contest: Contest
    contents: Contents
    policy: Policy
    by_key: Mapping[str, Campaign]
    shown: Mapping[str, int]
    outcomes: OutcomePlan
    judgements: Judgements
    varied: Sequence[str] = ()
    remembered: Remembered | None = None
    popular_in: Sequence[str] = ()

    @property
    def size(self) -> int:
        """Answer how many events, fields, metrics, segments, slots and campaigns are defined."""
        told = self.definitions
        of_visitors = len(told.events) + len(told.fields) + len(told.metrics) + len(told.segments)
        return of_visitors + len(self.slots) + len(self.by_key)

    def judge(self, facts: Facts, chance: Chance, now_ms: int) -> Judgement:
        """Answer what holds for a visitor and request, by the facts at ``now_ms``."""
        evaluation = self.evaluator.evaluate(facts, now_ms)
        held, by_key = evaluation.held, self.by_key
        # The audiences of campaigns are the last of the rules.
        count = bisect_left(held, x=True, key=by_key.__contains__)
        return Judgement(
            facts,
            chance,
            held[:count],
            [by_key[key] for key in held[count:]],
            evaluation.undecided,
            evaluation.change_ms,
        )


def build_snapshot(
    rule_files: Mapping[str, str], templates: Mapping[str, str], time_zone: tzinfo = UTC
) -> Snapshot:
    """Compile rule files and templates.

    Args:
        rule_files: name → YAML text.
        templates: name → Jinja2 source.
        time_zone: of the site, for dates and instants that name none.

    Raises:
        RulesError: with every problem in them, all at once.
    """
    problems: list[Problem] = []
    renderer = Renderer(templates, problems)
    sections = read_sections(rule_files, problems)
    definitions, readers = read_definitions(sections, time_zone)
    known = {peek_id(entry.node) for entry in sections["segments"]} - {""}
    placements = Placements(
        sections, readers, templates=templates, segments=known, time_zone=time_zone
    )
    _let_go(sections)
    check_templates(placements, renderer, problems)
    if problems:
        raise RulesError(problems)
    policy = placements.policy
    compiler = Compiler(definitions)
    campaigns = sorted(placements.campaigns.values(), key=_importance)
    rules = {
        segment.id: compiler.formula(segment.condition)
        for segment in sorted(definitions.segments.values(), key=_importance)
    }
    rules |= {CAMPAIGN + each.id: compiler.formula(each.audience) for each in campaigns}
    shown = {
        each.id: compiler.values("campaign_shown", {"campaign": each.id}, "variant")
        for each in campaigns
        if each.experiment.sticky
    }
    outcomes = plan_outcomes(campaigns, placements.goals, compiler)
    remembered, popular_in = plan_recommendations(placements, compiler)
    evaluator = Evaluator(
        rules,
        is_multi=compiler.is_multi,
        groups={
            segment.id: segment.exclusive_group
            for segment in definitions.segments.values()
            if segment.exclusive_group
        },
    )
    evaluator.prepare()  # no request is to wait for a table
    return Snapshot(
        version=_version(rule_files, templates),
        definitions=definitions,
        slots=placements.slots,
        campaigns={
            slot: [campaign for campaign in campaigns if campaign.slot == slot]
            for slot in placements.slots
        },
        plan=msgspec.structs.replace(
            compiler.plan(prepared=True), memo_bytes=BASE_BYTES + evaluator.recall_bytes
        ),
        sources=compiler.sources,
        evaluator=evaluator,
        renderer=renderer,
        contest=Contest(campaigns, policy.holdouts.values()),
        contents=Contents(renderer, placements.slots, campaigns, policy.languages),
        policy=policy,
        by_key={CAMPAIGN + each.id: each for each in campaigns},
        shown=shown,
        outcomes=outcomes,
        judgements=Judgements(),
        varied=sorted({name for slot in placements.slots.values() for name in slot.vary_on}),
        remembered=remembered,
        popular_in=popular_in,
    )


def take_apart(snapshot: Snapshot) -> None:
    """Free a snapshot that nobody uses any more in many small steps, between which others run."""
    snapshot.judgements.clear()
    snapshot.evaluator.take_apart()
    while snapshot.definitions.segments:
        snapshot.definitions.segments.popitem()


def _let_go(sections: Mapping[str, list[Entry]]) -> None:
    """Free what the files said, entry by entry: at once, it would hold up every other thread."""
    for entries in sections.values():
        while entries:
            entries.pop()


def _importance(definition: Segment | Campaign) -> tuple[int, str]:
    return -definition.priority, definition.id


def _version(*groups: Mapping[str, str]) -> str:
    digest = blake2b(digest_size=6)
    for group in groups:
        for name in sorted(group):
            for text in (name, group[name]):
                raw = text.encode()
                digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()
