"""What keeps a plan from being made, in words."""


class PlanError(Exception):
    """It can't be planned. The text says what is wrong and what to do."""


def shown(text: object) -> str:
    """Return a text that is safe to print: names may hold line breaks and broken bytes."""
    whole = str(text).encode("utf-8", "replace").decode()
    return "".join(one if one.isprintable() else "?" for one in whole)
