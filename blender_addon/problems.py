"""The one error of the add-on: something the user can put right."""


class Problem(Exception):
    """One sentence for the user: what is wrong, where, and what to do about it."""
