"""What the engine is compared with, each started here, driven with its best client, and ended by its pid."""
