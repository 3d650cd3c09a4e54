"""Questions over many rows, in DuckDB and Arrow. Reads journals and feeds; never decides, never writes stock."""
