"""The verification page: a Flask application that calls one service and holds no rules.

`create_app` is all that others need. No SQL, no cryptography and no chain in here.
"""

from web.app import WebServices, WebSettings, create_app

__all__ = ["WebServices", "WebSettings", "create_app"]
