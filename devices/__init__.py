"""Printers, scanners, scales, drawers: transports, codecs and drivers. Knows nothing of analytics or HTTP."""
