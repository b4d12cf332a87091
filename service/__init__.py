"""Requests in, ranked articles out. The only floor that knows of HTTP, and only in app, api and pages."""
