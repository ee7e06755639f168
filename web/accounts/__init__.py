"""People at the web: who calls, logging in, one's own account, people of an organisation."""

from web.accounts.rooms import register

__all__ = ["register"]
