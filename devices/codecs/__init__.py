"""Protocols of devices: bytes to values and back. Pure: any split, any garbage, never an exception, always in step."""
