"""``edgeseg preview`` and ``edgeseg preview-link``: see what a slot would show."""

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import rich_click as click

from edgeseg.assembly import catalogue_from, keys_from, rules_from
from edgeseg.cli.failures import FAILED, plain_errors, rules_options, settings_with
from edgeseg.cli.visitor_sight import Sight, read_profile, see
from edgeseg.clock import DAY_MS, SECOND_MS, system_clock
from edgeseg.decisions.campaign import Campaign, Slot
from edgeseg.decisions.choose import Reason
from edgeseg.decisions.content import Reader
from edgeseg.decisions.explain_slot import explain_slot
from edgeseg.decisions.recommend import NO_PRODUCTS, Assortment, Uncounted
from edgeseg.decisions.snapshot import CAMPAIGN, Snapshot
from edgeseg.delivery.preview_link import Preview, PreviewSigner
from edgeseg.errors import InputError
from edgeseg.personalize import Decision, PageView, decide
from edgeseg.profiles.profile import Profile
from edgeseg.spelling import suggest
from edgeseg.telemetry import Telemetry

MAX_DAYS: Final = 90


@click.command()
@click.argument("slot")
@rules_options
@click.option("--visitor", metavar="ID", help="Render it for this stored visitor.")
@click.option("--segments", metavar="A,B", help="Render it for a new visitor in these segments.")
@click.option("--variant", metavar="CAMPAIGN/VARIANT", help="Show this one, whoever would win.")
@click.option("--page", "--url", "url", metavar="URL", help="Page that the slot is on.")
@click.option("--language", metavar="LANGUAGE", default="", help="Language of the visitor.")
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False), help="Write it there.")
def preview(  # noqa: PLR0913, PLR0917 - one an option
    slot: str,
    rules: str | None,
    templates: str | None,
    visitor: str | None,
    segments: str | None,
    variant: str | None,
    url: str | None,
    language: str,
    out: str | None,
) -> None:
    """Render what SLOT shows, to the terminal or to a file.

    For a stored visitor, for a new one who is in some segments, or for a new one
    who is in none but by the page. Nothing is recorded. What won and why goes to
    the standard error output; a template that fails is named, with exit code 1.

    Example: edgeseg preview home-hero --segments cart-abandoners --language cs
    """
    if visitor and segments:
        raise click.UsageError("give --visitor or --segments, not both")
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        snapshot = rules_from(settings).build()
        wanted = _slot(slot, snapshot)
        previews = {wanted.id: _variant(variant, wanted, snapshot)} if variant else {}
        profile = (
            asyncio.run(read_profile(settings, snapshot, visitor))
            if visitor
            else _made_up(segments, snapshot)
        )
        catalogue = catalogue_from(settings)
        assortment = Uncounted(catalogue.read().catalogue) if catalogue else NO_PRODUCTS
        sight = see(settings, snapshot, visitor or "", profile, url=url, language=language)
    view = PageView(
        visitor_id=visitor or "",
        context=sight.context,
        consents={},
        slots=[wanted],
        previews=previews,
    )
    decision = decide(
        view,
        profile,
        snapshot.judge(sight.facts, sight.chance, sight.now_ms),
        rules=snapshot,
        telemetry=Telemetry(),
        now_ms=sight.now_ms,
        assortment=assortment,
    )
    with plain_errors():
        _print(decision, wanted, out)
    if decision.slots[slot].reason is Reason.ERROR:
        _fail(wanted, snapshot, sight, decision, previews, assortment)


@click.command()
@click.argument("campaign")
@click.argument("variant")
@click.argument("page")
@rules_options
@click.option(
    "--days",
    type=click.IntRange(1, MAX_DAYS),
    default=7,
    show_default=True,
    help="How long the link works.",
)
def preview_link(
    campaign: str, variant: str, page: str, rules: str | None, templates: str | None, days: int
) -> None:
    """Make a link to PAGE on which VARIANT of CAMPAIGN is shown, whoever opens it.

    It is signed with the secret of the service (EDGESEG_SECRET, or the one in the
    data folder), works for some days, and nothing it shows is counted.

    Example: edgeseg preview-link open-an-account bold https://shop.example/
    """
    with plain_errors():
        settings = settings_with(rules=rules, templates=templates)
        snapshot = rules_from(settings).build()
        _check_variant(campaign, variant, snapshot)
        parts = urlsplit(page)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise InputError("PAGE is an http or https address", field="PAGE")
        until_s = (system_clock() + days * DAY_MS) // SECOND_MS
        signer = PreviewSigner(keys_from(settings))
        click.echo(signer.link(page, Preview(campaign, variant, until_s)))


def _slot(id_: str, snapshot: Snapshot) -> Slot:
    if id_ not in snapshot.slots:
        message = f"unknown slot `{id_}`: {suggest(id_, tuple(snapshot.slots))}"
        raise InputError(message, field="SLOT")
    return snapshot.slots[id_]


def _variant(text: str, slot: Slot, snapshot: Snapshot) -> tuple[str, str]:
    campaign, _slash, variant = text.partition("/")
    found = _check_variant(campaign, variant, snapshot)
    if found.slot != slot.id:
        message = f"`{campaign}` is for the slot `{found.slot}`"
        raise InputError(message, field="--variant")
    return campaign, variant


def _check_variant(campaign: str, variant: str, snapshot: Snapshot) -> Campaign:
    found = snapshot.by_key.get(CAMPAIGN + campaign)
    if found is None:
        names = tuple(key.removeprefix(CAMPAIGN) for key in snapshot.by_key)
        message = f"unknown campaign `{campaign}`: {suggest(campaign, names)}"
        raise InputError(message, field="CAMPAIGN")
    variants = tuple(each.id for each in found.variants)
    if variant not in variants:
        message = f"unknown variant `{variant}`: {suggest(variant, variants)}"
        raise InputError(message, field="VARIANT")
    return found


def _made_up(segments: str | None, snapshot: Snapshot) -> Profile:
    """Answer the profile of a new visitor, pinned into the segments."""
    known = snapshot.definitions.segments
    named = [name.strip() for name in (segments or "").split(",") if name.strip()]
    for name in named:
        if name not in known:
            message = f"unknown segment `{name}`: {suggest(name, tuple(known))}"
            raise InputError(message, field="--segments")
    return Profile(pins=dict.fromkeys(named, True))


def _print(decision: Decision, slot: Slot, out: str | None) -> None:
    content = decision.slots[slot.id]
    shown = f"{content.campaign} / {content.variant}" if content.campaign else "fallback"
    click.echo(f"{slot.id}: {shown}: {content.reason}", err=True)
    if content.popup:
        click.echo(f"popup: {content.popup.title}", err=True)
    text = content.html
    if content.values is not None:
        text = msgspec.json.format(msgspec.json.encode(content.values)).decode()
    if out:
        try:
            Path(out).write_text(text, "utf-8")
        except OSError as error:
            raise InputError(f"cannot write {out}: {error}", field="--out") from error
    else:
        click.echo(text)


def _fail(
    slot: Slot,
    snapshot: Snapshot,
    sight: Sight,
    decision: Decision,
    previews: dict[str, tuple[str, str]],
    assortment: Assortment,
) -> None:
    """Tell which template failed, and why."""
    report = explain_slot(slot, snapshot, sight.facts, sight.chance, sight.now_ms)
    campaign, variant = previews.get(slot.id, (report.campaign, report.variant))
    found = snapshot.by_key[CAMPAIGN + campaign]
    language = str(sight.context.get("language", ""))
    reader = Reader(
        segments=decision.segments,
        language=language,
        profile=sight.profile.attributes,
        context=sight.context,
        known=sight.profile,
        remembered=snapshot.remembered,
        assortment=assortment,
    )
    with plain_errors():
        for each in found.variants:
            if each.id == variant:
                snapshot.contents.of_variant(found, each, reader)
    raise SystemExit(FAILED)
