"""Views with setters and signals; they know no engine."""
