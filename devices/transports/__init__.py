"""Lines to devices: bytes with deadlines, and nothing that knows what they mean. Serial ports and sockets live here."""
