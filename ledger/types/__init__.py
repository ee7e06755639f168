"""Credential types as data, one JSON file each."""
