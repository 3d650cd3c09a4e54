"""An engine at saturation for minutes or hours: memory, descriptors, threads and p99 must stay as they are."""
