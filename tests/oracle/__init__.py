"""The rules of stock in plain Python, one file per idea; `tests.model` puts them together."""
