"""Real processes, real signals: clients that record everything, havoc, and a verdict from the feed alone."""
