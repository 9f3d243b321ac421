"""Calls to the ERP, and the table from its responses to errors."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from erp.adapters.rest.auth import auth
from erp.adapters.rest.profile import Profile, ProfileError
from erp.adapters.rest.state import CallPace, SharedState
from erp.adapters.rest.template import Formats, Renderer, TemplateError, dumped, found
from erp.adapters.shared.http_client import Bounds, HttpAnswer, HttpClient
from erp.port import ErpRejected, ErpUnavailable
from foundation.foreign_values import http_moment
from foundation.messages import erp as messages
from foundation.messages import settings
from foundation.redaction import redacted

MOST_BYTES = 8 * 1024 * 1024
BODY_SECONDS = 30.0
MOST_WORDS = 300


class Duplicate(Exception):
    """The ERP has the record already."""


class Missing(Exception):
    """The ERP does not have the record."""


class Nowhere(Missing):
    """HTTP 404 without a rule in the profile. The path itself may be wrong."""


_ERRORS: Mapping[str, type[Exception]] = {
    "unavailable": ErpUnavailable,
    "throttled": ErpUnavailable,
    "rejected": ErpRejected,
    "duplicate": Duplicate,
    "missing": Missing,
    "nowhere": Nowhere,
}


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """A response of the ERP.

    Attributes:
        document: its JSON.
        at: the ERP's time in seconds, or ours if the response lacks it.
    """

    document: Any
    at: float


class Calls:
    """Calls one ERP with a session per thread. It retries only after a stale token.

    Attributes:
        count: number of calls made.
    """

    def __init__(self, profile: Profile, state: SharedState) -> None:
        self._profile = profile
        bounds = Bounds(profile.timeout_seconds, BODY_SECONDS, MOST_BYTES)
        self._http = HttpClient(profile.name, bounds=bounds)
        self._auth = auth(profile, state, self._http)
        self._pace = CallPace(state, profile.part("rate"))
        self.renderer = Renderer(Formats(profile.part("formats")), profile.codes)
        self.count = 0

    def ask(self, spec: Mapping[str, Any], known: Mapping[str, Any]) -> RestAnswer:
        """Make the call that a part of the profile describes.

        Raises:
            ErpUnavailable: the response is missing or unusable. A write may have had its effect.
            ErpRejected: the ERP refused the call, or a code is missing.
            Duplicate, Missing: a rule of the profile matched.
        """
        try:
            return self._asked(spec, {"values": self._profile.values, **known})
        except (ProfileError, TemplateError) as error:
            raise ErpUnavailable(
                messages.REST_ANSWER_UNUSABLE(profile=self._profile.name, error=error)
            ) from None
        except KeyError as error:
            raise ErpUnavailable(
                messages.REST_FIELD_MISSING(profile=self._profile.name, field=error)
            ) from None

    def _asked(self, spec: Mapping[str, Any], known: Mapping[str, Any]) -> RestAnswer:
        request = self._request(spec, known)
        for last in (False, True):
            self._pace.wait()
            self.count += 1
            answer = self._sent(request)
            if answer.status == 401 and not last and self._auth.refused():
                continue
            break
        document = _parsed(answer)
        meaning = self._meaning(answer.status, document)
        if meaning == "throttled":
            self._pace.pause(_seconds(answer.headers.get("Retry-After")))
        words = self._words(document, known.get("personal_texts", ()))
        if meaning in _ERRORS:
            raise _ERRORS[meaning](f"{self._profile.name} answered HTTP {answer.status}{words}")
        return RestAnswer(document, _date(answer.headers.get("Date")))

    def _request(self, spec: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        body = self.renderer.render(spec.get("body"), known)
        query = self.renderer.render(spec.get("query"), known)
        made: dict[str, Any] = {
            "method": spec.get("method", "POST" if body else "GET"),
            "url": self._profile.base_url + _path(spec["path"], known),
            "params": {name: str(value) for name, value in (query or {}).items()},
        }
        fields = self._auth.fields()
        if spec.get("encoding") == "form":
            form = {**fields, **(body or {})}
            made["data"] = {name: str(value).encode() for name, value in form.items()}
        elif body is not None or fields:
            made["data"] = dumped({**fields, **(body or {})}).encode()
            made["headers"] = {"Content-Type": "application/json"}
        return made

    def _sent(self, request: Mapping[str, Any]) -> HttpAnswer:
        headers = {"Accept": "application/json", "User-Agent": "vtex-erp-workers/0.1"}
        headers |= request.get("headers", {}) | self._auth.headers()
        return self._http.send(
            **{**request, "headers": headers}, purpose="a call", auth=self._auth.basic()
        )

    def close(self) -> None:
        """Close the connections of all threads."""
        self._http.close()

    def _meaning(self, status: int, document: Any) -> str:
        for rule in self._profile.parts.get("errors", ()):
            if _fits(rule, status, document):
                return str(rule["means"])
        if document is None:
            return "unavailable"
        return _usual(status)

    def _words(self, document: Any, personal: Sequence[str]) -> str:
        """Return the ERP's error text, without the customer's data where they are recognised."""
        said: list[str] = []
        for rule in self._profile.parts.get("errors", ()):
            for path in rule.get("reason", ()):
                value = found(document, path)
                said += value if isinstance(value, list) else [value] if value else []
        words = "; ".join(dict.fromkeys(map(str, said)))
        return f": {redacted(words, personal)[:MOST_WORDS]}" if words else ""


def _usual(status: int) -> str:
    if 200 <= status < 300:
        return "fine"
    if status in (400, 422):
        return "rejected"
    # Also a wrong key or a wrong path. The orders are sound.
    named = {404: "nowhere", 409: "duplicate", 429: "throttled"}
    return named.get(status, "unavailable")


def _fits(rule: Mapping[str, Any], status: int, document: Any) -> bool:
    if "status" in rule and status not in rule["status"]:
        return False
    if "path" not in rule:
        return True
    value = found(document, rule["path"])
    values = list(map(str, value if isinstance(value, list) else [value]))
    if "is" in rule:
        return not set(map(str, rule["is"])).isdisjoint(values)
    words = [str(word).casefold() for word in rule.get("holds", ())]
    held = any(word in text.casefold() for word in words for text in values)
    return held if words else value not in (None, [], "")


def _path(path: str, known: Mapping[str, Any]) -> str:
    def put(match: re.Match[str]) -> str:
        value = found(known, match[1])
        if value is None:
            raise TemplateError(settings.TEMPLATE_PATH(path=path, field=match[1]))
        return quote(str(value), safe="")

    return re.sub(r"\{([\w.]+)\}", put, path)


def _parsed(answer: HttpAnswer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isdigit() else 1.0


def _date(text: str | None) -> float:
    moment = http_moment(text)
    return time.time() if moment is None else moment.timestamp()
