"""Alerts as planners read them: what shards raised, ranked by what it may cost, and what is odd about a channel."""
