"""The pages, one file each: a function that registers it with what it needs."""
