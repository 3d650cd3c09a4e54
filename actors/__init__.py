"""What runs: shards, journals, documents, their clients and the processes that hold them."""
