"""An OpenID provider that says whatever a test wants: who signs in, and with what claims."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "dubbing"


class Provider:
    """Knows one person at a time: ``claims``, such as sub, name, email, email_verified."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://localhost:{server.server_address[1]}"
        self.claims: dict[str, Any] = {}
        self._nonces: dict[str, str] = {}
        self._key = RSAKey.generate_key(2048, {"kid": "test", "use": "sig", "alg": "RS256"})

    def secrets(self, workspace: str) -> str:
        """What stands in secrets.toml of the workspace at that address."""
        lines = {"redirect_uri": f"{workspace}/oauth2callback", "cookie_secret": "a secret of these tests alone",
                 "client_id": CLIENT, "client_secret": "not a secret",
                 "server_metadata_url": f"{self.url}/.well-known/openid-configuration"}
        return "[auth]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())

    def answer(self, path: str, query: dict[str, str], form: dict[str, str]) -> dict[str, Any] | str:
        """JSON, or the address that the browser is sent to."""
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/jwks",
                    "id_token_signing_alg_values_supported": ["RS256"], "response_types_supported": ["code"]}
        if path == "/authorize":
            code = f"code-{len(self._nonces)}"
            self._nonces[code] = query.get("nonce", "")
            return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
        if path == "/jwks":
            return {"keys": [self._key.as_dict(private=False)]}
        if path == "/token":
            now = int(time.time())
            claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60,
                      "nonce": self._nonces.pop(form["code"]), **self.claims}
            return {"access_token": "unused", "token_type": "Bearer", "expires_in": 60,
                    "id_token": jwt.encode({"alg": "RS256", "kid": "test"}, claims, self._key)}
        raise KeyError(path)


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider on this machine, for as long as the block lasts."""
    class Handler(BaseHTTPRequestHandler):
        def _answer(self, form: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            try:
                said = known.answer(parts.path, query, form)
            except KeyError:
                self.send_error(404)
                return
            is_address = isinstance(said, str)
            body = b"" if is_address else json.dumps(said).encode()
            self.send_response(302 if is_address else 200)
            self.send_header(*(("Location", str(said)) if is_address else ("Content-Type", "application/json")))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(text).items()})

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known = Provider(server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
