"""Service guides of the demonstration, as data."""
