"""The outside: HTTP, the command line, import, replay and demo."""
