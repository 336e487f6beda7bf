"""A small identity provider on loopback: it signs in whoever comes, and checks what a client has to prove."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from banks.exchanges.servers import Answer, Asked, Fake

CLIENT, SECRET = "console", "client secret"


class IdentityProvider(Fake):
    """`claims` are laid over what it would sign; `key` signs."""

    def __init__(self) -> None:
        super().__init__()
        self.key = RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)
        self.signer: RSAKey = self.key
        self.claims: dict[str, Any] = {}
        self.groups = ["reviewers"]
        self.subject = "subject-7"
        self.described: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}

    def answer(self, asked: Asked) -> Answer:
        """One of its four addresses."""
        places = {
            "/.well-known/openid-configuration": self._description,
            "/keys": lambda _: KeySet([self.key]).as_dict(private=False),
            "/token": self._token,
        }
        if asked.path == "/authorize":
            return self._authorize(asked)
        if asked.path not in places:
            return Answer(404)
        found = places[asked.path](asked)
        status = 400 if "error" in found else 200
        return Answer(status, json.dumps(found).encode(), {"content-type": "application/json"})

    def _description(self, _asked: Asked) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            **self.described,
        }

    def _authorize(self, asked: Asked) -> Answer:
        query = asked.query
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        back = urlencode({"code": code, "state": query["state"], "iss": self.url})
        return Answer(302, headers={"location": f"{query['redirect_uri']}?{back}"})

    def _token(self, asked: Asked) -> dict[str, Any]:
        form = {name: values[-1] for name, values in parse_qs(asked.body.decode()).items()}
        known = self.codes.pop(form.get("code", ""), None)
        who = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '%20')}".encode()).decode()
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if (
            known is None
            or known["code_challenge"] != proof
            or known["redirect_uri"] != form["redirect_uri"]
            or asked.headers.get("authorization") not in (who, who.replace("%20", "+"), _plain())
        ):
            return {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": self.subject, "iat": now, "exp": now + 300, "auth_time": now,
            "nonce": known["nonce"], "groups": self.groups, "preferred_username": "Ada@example.org", **self.claims,
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signer)
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": signed}


def _plain() -> str:
    return "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
