"""The one error of the workload."""


class TraceError(Exception):
    """A trace that cannot be used; its text is one line for the user."""
