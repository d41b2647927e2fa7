"""Visitors of every kind, and an account of what they were told."""

import asyncio
import random
import re
import ssl
import time
from collections import Counter
from uuid import uuid4

import httpx

from tests.e2e.service import SERVER_KEY, Service
from tests.e2e.views import GRANTED, HOME

KEY = {"Authorization": f"Bearer {SERVER_KEY}"}
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
MARKETING = {"consent": {"categoryPreferences": {"marketing": True}}}
_NAME = re.compile(r"whois-\d+-")
PATIENCE_S = 15
_PAUSE_S = 0.01
_TLS = ssl.create_default_context()  # unused, but making one takes long
_TRIES = 400


class Account:
    """What was answered, and what must be stored for it.

    Attributes:
        outcomes: face and status → how often.
        sent: visitor → events sent, whatever became of them.
        acknowledged: visitor → events that an answer said to be stored.
        wrongs: what no fault excuses: others' names, undocumented errors.
        waited: when a visitor gave up waiting, seconds from the start.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.outcomes = Counter[str]()
        self.sent = Counter[str]()
        self.acknowledged = Counter[str]()
        self.wrongs: list[str] = []
        self.waited: list[str] = []
        self._started_s = time.monotonic()

    def note_break(self, error: httpx.TransportError) -> None:
        """Note a connection that broke, or that brought no answer."""
        self.outcomes[f"broken {type(error).__name__}"] += 1
        if isinstance(error, httpx.TimeoutException):
            self.waited.append(f"{time.monotonic() - self._started_s:.1f}")

    def judge(self, face: str, answer: httpx.Response, own: str) -> bool:
        """Note an answer; tell whether it is a 200."""
        self.outcomes[f"{face} {answer.status_code}"] += 1
        foreign = set(_NAME.findall(answer.text)) - {own}
        if foreign:
            self.wrongs.append(f"{face} told {own} of {foreign}")
        may_be = {200} if face == "fragment" else {200, 429, 503}
        if answer.status_code not in may_be:
            self.wrongs.append(f"{face} answered {answer.status_code}: {answer.text[:300]}")
        if answer.status_code == 503 and "retry-after" not in answer.headers:
            self.wrongs.append(f"{face} answered 503 without Retry-After: {answer.text[:300]}")
        return answer.status_code == 200


class Visitor:
    """One browser, and the site's server that knows its visitor."""

    def __init__(
        self, service: Service, number: int, account: Account, chance: random.Random
    ) -> None:
        """Come with a name that nobody else has."""
        self._service = service
        self._account = account
        self._chance = chance
        self.name = f"whois-{number}-"
        self.id = ""
        self.event = f"clicked_{number}"
        self.person = f"person-{number}"
        self._cookies: httpx.Cookies | None = None

    async def arrive(self) -> None:
        """Agree, and let the server tell the name; before any fault."""
        async with self._client() as client:
            answer = await client.post(
                "/v1/classify", json={"page": {"url": HOME}, "consent": GRANTED}
            )
            self.id = answer.json()["visitor"]
            self._cookies = client.cookies
            told = await client.put(
                f"/v1/visitors/{self.id}/attributes",
                json={"attributes": {"name": self.name}},
                headers=KEY,
            )
            assert told.status_code == 200, told.text

    async def browse(self, stopped: asyncio.Event) -> None:
        """Do one thing after the other; connect again when a connection breaks."""
        doings = (self._view, self._view, self._view, self._embed, self._ask_flags, self._track)
        while not stopped.is_set():
            try:
                async with self._client() as client:
                    while not stopped.is_set():
                        await self._chance.choice(doings)(client)
                        await asyncio.sleep(_PAUSE_S * self._chance.random())
            except httpx.TransportError as error:
                self._account.note_break(error)
                await asyncio.sleep(_PAUSE_S)

    async def leave_early(self) -> None:
        """Give requests up at any moment."""
        body = {"page": {"url": HOME}, "slots": ["hero"], "view": False}
        for _ in range(10):
            try:
                async with self._client() as client, asyncio.timeout(self._chance.random() * 0.02):
                    await client.post("/v1/classify", json=body)
            except (TimeoutError, httpx.TransportError):
                self._account.outcomes["given up"] += 1

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._service.url,
            cookies=self._cookies,
            headers=SAME_ORIGIN,
            timeout=PATIENCE_S,
            verify=_TLS,
        )

    async def _view(self, client: httpx.AsyncClient) -> None:
        self._account.sent[self.id] += 1
        body = {
            "page": {"url": HOME},
            "events": [{"event": self.event, "messageId": uuid4().hex}],
            "slots": ["hero"],
        }
        answer = await client.post("/v1/classify", json=body)
        if not self._account.judge("classify", answer, self.name):
            return
        told = answer.json()
        if told["visitor"] != self.id:
            self._account.wrongs.append(f"classify took {self.id} for {told['visitor']}")
        self._account.acknowledged[self.id] += not told["degraded"]
        self._account.outcomes["degraded"] += told["degraded"]

    async def _embed(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/v1/fragment/hero", params={"url": HOME})
        self._account.judge("fragment", answer, self.name)

    async def _ask_flags(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(
            "/ofrep/v1/evaluate/flags", json={"context": {"targetingKey": self.person}}
        )
        self._account.judge("flags", answer, self.name)

    async def _track(self, client: httpx.AsyncClient) -> None:
        """Send a batch as SDKs do: again and again, until it is taken."""
        batch = [
            {
                "type": "track",
                "event": self.event,
                "userId": self.person,
                "messageId": uuid4().hex,
                "context": MARKETING,
            }
            for _ in range(3)
        ]
        self._account.sent[self.person] += len(batch)
        for _ in range(_TRIES):
            try:
                answer = await client.post("/v1/batch", json={"batch": batch}, headers=KEY)
            except httpx.TransportError as error:
                self._account.note_break(error)
            else:
                if self._account.judge("tracking", answer, self.name):
                    self._account.acknowledged[self.person] += len(batch)
                    return
            await asyncio.sleep(0.05)
        self._account.wrongs.append("a batch was never taken")
