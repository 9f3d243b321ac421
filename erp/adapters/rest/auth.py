"""Authentication at an ERP: a header, a password, keys in the body, or OAuth2."""

import hashlib
import threading
import time
from collections.abc import Mapping
from typing import Any

from erp.adapters.rest.profile import Profile, ProfileError
from erp.adapters.rest.state import SharedState
from erp.adapters.shared.http_client import HttpClient
from erp.port import ErpUnavailable
from foundation.messages import erp as messages
from foundation.messages import settings

EARLY_SECONDS = 60.0
"""Time before its expiry at which a token is exchanged. A call may last as long."""

EXCHANGE_SECONDS = 30.0
"""Lease of a token exchange. After it another process tries."""

WAIT_SECONDS = 15.0


class Auth:
    """Adds credentials to a call."""

    def __init__(self, profile: Profile) -> None:
        self._auth, self._secrets = profile.part("auth"), profile.secrets

    def headers(self) -> dict[str, str]:
        """Return the headers that authenticate a call."""
        if self._auth["kind"] != "header":
            return {}
        value = f"{self._auth.get('prefix', '')}{self.secret('secret')}"
        return {self._auth.get("header", "Authorization"): value}

    def basic(self) -> tuple[str, str] | None:
        """Return user and password for basic authentication, if the profile uses it."""
        if self._auth["kind"] != "basic":
            return None
        return self.secret("user"), self.secret("password")

    def fields(self) -> dict[str, str]:
        """Return the credentials for the body."""
        if self._auth["kind"] != "body":
            return {}
        return {name: self._named(secret) for name, secret in self._auth["fields"].items()}

    def refused(self) -> bool:
        """Return whether a refused call should be retried with another token."""
        return False

    def secret(self, key: str) -> str:
        """Return the secret of a key in ``[auth]``."""
        return self._named(self._auth[key])

    def _named(self, name: str) -> str:
        if not self._secrets.get(name):
            raise ProfileError(settings.PROFILE_SECRET_MISSING(name=name))
        return self._secrets[name]


class OAuth2(Auth):
    """OAuth2 with a refresh token that is exchanged each time (RFC 6749, section 6).

    All processes share one pair of tokens in the state's database. With separate pairs, the first
    exchange would lock the other processes out.
    """

    def __init__(self, profile: Profile, state: SharedState, http: HttpClient) -> None:
        super().__init__(profile)
        self._state, self._http = state, http
        self._url = profile.part("auth")["token_url"]
        if self._url.startswith("/"):
            self._url = profile.base_url + self._url
        self._local = threading.local()

    def headers(self) -> dict[str, str]:
        """Return the header with the access token, exchanged if it is old.

        Raises:
            ErpUnavailable: the exchange failed.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            token, refresh = self._state.change("token", self._turn)
            if token is not None:
                self._local.used = token
                return {"Authorization": f"Bearer {token}"}
            if refresh is not None:
                self._exchange(refresh)
            elif time.monotonic() > deadline:
                raise ErpUnavailable(messages.REST_TOKEN_BUSY())
            else:
                time.sleep(0.1)

    def refused(self) -> bool:
        """Mark the refused token, so that the next call exchanges it."""
        used = getattr(self._local, "used", "")

        def turn(document: dict[str, Any]) -> bool:
            if document.get("access") == used:
                document["expires_at"] = 0.0
            return True

        return self._state.change("token", turn)

    def _turn(self, document: dict[str, Any]) -> tuple[str | None, str | None]:
        first = self.secret("refresh_token")
        seed = hashlib.sha256(first.encode()).hexdigest()
        if document.get("seed") != seed:
            # The first exchange, or a person has authorised again.
            document.clear()
            document |= {"seed": seed, "refresh": first, "expires_at": 0.0, "busy_until": 0.0}
        now = time.time()
        if document["expires_at"] > now + EARLY_SECONDS and document.get("access"):
            return str(document["access"]), None
        if now < document["busy_until"] <= now + EXCHANGE_SECONDS:
            return None, None
        document["busy_until"] = now + EXCHANGE_SECONDS
        return None, str(document["refresh"])

    def _exchange(self, refresh: str) -> None:
        answer: Mapping[str, Any] = {}
        try:
            answer = self._asked(refresh)
        finally:
            self._state.change("token", lambda document: _renew(document, answer))

    def _asked(self, refresh: str) -> Mapping[str, Any]:
        answer = self._http.send(
            "POST",
            self._url,
            "the token service",
            data={"grant_type": "refresh_token", "refresh_token": refresh},
            auth=(self.secret("client_id"), self.secret("client_secret")),
            headers={"Accept": "application/json"},
        )
        try:
            document = answer.json() if answer.status == 200 else None
        except ValueError as error:
            raise ErpUnavailable(messages.REST_TOKEN_FAILED(error=type(error).__name__)) from None
        if answer.status in (400, 401):
            raise ErpUnavailable(messages.REST_TOKEN_REFUSED(secret=self._auth["refresh_token"]))
        if not isinstance(document, dict) or not document.get("access_token"):
            raise ErpUnavailable(messages.REST_TOKEN_STATUS(status=answer.status))
        return document


def _renew(document: dict[str, Any], answer: Mapping[str, Any]) -> None:
    document["busy_until"] = 0.0
    if answer:
        document["access"] = str(answer["access_token"])
        document["refresh"] = str(answer.get("refresh_token") or document["refresh"])
        document["expires_at"] = time.time() + float(answer.get("expires_in", 3600))


def auth(profile: Profile, state: SharedState, http: HttpClient) -> Auth:
    """Return the authentication that the profile names."""
    if profile.part("auth")["kind"] == "oauth2":
        return OAuth2(profile, state, http)
    return Auth(profile)
