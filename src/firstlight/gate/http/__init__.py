"""The gate over HTTP: a reverse proxy for OpenAI's image endpoints, and the endpoints that others ask."""

from firstlight.gate.http.app import GateApp, gate_app
from firstlight.gate.http.standin import standin_app

__all__ = ["GateApp", "gate_app", "standin_app"]
