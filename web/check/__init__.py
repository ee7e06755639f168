"""Checking what is handed in: files, numbers with codes, QR codes, the camera."""

from web.check.views import register as register
