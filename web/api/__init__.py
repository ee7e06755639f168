"""REST for programs under /api/v1: an application of its own beside the pages.

It knows no cookie, no session and no form: whoever calls shows a bearer token or uses what is public.
So nothing that a browser sends by itself opens anything here, and no other site can act for anybody.
"""

from __future__ import annotations

from apiflask import APIFlask
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from web.api import (
    auditing,
    batches,
    checking,
    documents,
    frame,
    issuing,
    pages,
    public,
    statuses,
    verifications,
)

PREFIX = "/api/v1"
BLUEPRINTS = (
    public.API,
    issuing.API,
    documents.API,
    batches.API,
    statuses.API,
    checking.API,
    verifications.API,
    auditing.API,
)


def make_api(app: Flask) -> APIFlask:
    """The application of programs, with the services of the pages' one."""
    api = frame.make_app(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    return api


def register(app: Flask) -> None:
    """Put it beside the pages, and the pages about it among them."""
    api = make_api(app)
    app.extensions["api"] = api
    app.extensions["token-guard"] = frame.refuse_without
    proxies = app.extensions["web-settings"].trusted_proxies
    served = ProxyFix(api.wsgi_app, x_for=proxies, x_proto=proxies) if proxies else api.wsgi_app
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {PREFIX: served})  # type: ignore[method-assign]
    pages.register(app)
