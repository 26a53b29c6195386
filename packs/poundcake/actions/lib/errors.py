"""What goes wrong, said so that a person knows what to do."""


class ActionError(Exception):
    """The action fails with this text; no traceback."""
