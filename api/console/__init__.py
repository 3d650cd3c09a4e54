"""The planners' console: pages for people, in a process of their own.

It speaks to the API over HTTP like any other client and knows nothing else of the engine, so that a page can never
slow a sale: import-linter keeps `actors`, `engine` and `analytics` out of here.
"""
