"""From a receipt document to the printer's bytes, and back to a picture. Pure: no device, no socket, no clock."""
