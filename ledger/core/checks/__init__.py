"""The 32 checks of a verification: pure, one question each."""
