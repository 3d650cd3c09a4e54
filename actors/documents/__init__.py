"""Documents: warehouses, channels, products, clients and API keys, kept in SQL.

What shards need of them they decide from their own journaled copy: the one writer commits a change as
pending, journals it on the shards, marks it done, and only then answers. API processes read, and never write.
"""
