"""One module a page: composition only."""
