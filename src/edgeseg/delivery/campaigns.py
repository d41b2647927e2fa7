"""``/v1/campaigns``: what there is, and what it brought, with a server key."""

from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter, QueryParameter

from edgeseg.clock import local_time
from edgeseg.decisions.campaign import Campaign
from edgeseg.delivery.calls import AnyRequest, admit_server
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import UNCACHED
from edgeseg.errors import InputError
from edgeseg.insights.outcome_query import ask_outcomes, days_between
from edgeseg.insights.outcome_report import OutcomeReport

_CampaignId = Annotated[str, Parameter(description="Id of the campaign.")]
_From = Annotated[
    str, QueryParameter(name="from", description="First day; by default 30 days are told of.")
]
_Until = Annotated[str, QueryParameter(description="Last day; by default today.")]
_By = Annotated[str, QueryParameter(description="`segment` to tell of each segment, too.")]


class VariantAnswer(msgspec.Struct, frozen=True):
    """A variant and its weight among the others."""

    id: str
    weight: int


class CampaignAnswer(msgspec.Struct, frozen=True):
    """A campaign as the rules have it; goal is "" for none, and the first variant the control."""

    id: str
    name: str
    slot: str
    goal: str
    priority: int
    variants: list[VariantAnswer]


class CampaignsAnswer(msgspec.Struct, frozen=True):
    """All campaigns, by id, and the version of the rules."""

    campaigns: list[CampaignAnswer]
    rules: str


def campaign_routes(edge: Edge) -> list[HTTPRouteHandler]:
    """Answer the routes, bound to the service's parts."""

    @get("/v1/campaigns", summary="The campaigns of the current rules")
    async def list_campaigns(request: AnyRequest) -> Response[CampaignsAnswer]:
        admit_server(request, edge)
        rules = edge.rules.current
        plans = sorted(rules.outcomes.campaigns.items())
        campaigns = [_answer(plan.campaign) for _id, plan in plans]
        return Response(CampaignsAnswer(campaigns, rules.version), headers=UNCACHED)

    @get("/v1/campaigns/{campaign:str}/outcomes", summary="What a campaign brought")
    async def show_outcomes(
        request: AnyRequest,
        campaign: _CampaignId,
        from_: _From = "",
        until: _Until = "",
        by: _By = "",
    ) -> Response[OutcomeReport]:
        admit_server(request, edge)
        if by not in {"", "segment"}:
            message = "the only thing to tell apart by is `segment`"
            raise InputError(message, field="by")
        now = local_time(edge.clock(), edge.limits.time_zone)
        await edge.outcomes.flush()  # what this worker holds is told of, too
        report = await ask_outcomes(
            campaign,
            days_between(from_, until, now.date()),
            rules=edge.rules.current,
            store=edge.store.outcomes,
            by_segment=bool(by),
        )
        return Response(report, headers=UNCACHED)

    return [list_campaigns, show_outcomes]


def _answer(campaign: Campaign) -> CampaignAnswer:
    return CampaignAnswer(
        id=campaign.id,
        name=campaign.name,
        slot=campaign.slot,
        goal=campaign.goal,
        priority=campaign.priority,
        variants=[VariantAnswer(each.id, each.weight) for each in campaign.variants],
    )
