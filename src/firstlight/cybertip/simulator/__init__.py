"""A faithful reporting service on loopback, for our own tests and for those of other clients.

Its verdicts come from a schema description and rules of its own, written from the reference and not from the client's
models, so that it can judge the client.
"""
