"""What checks the shapes: beartype, which takes an int where a float is asked for, as mypy does."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
