"""Every type that passes between processes, found in the files and not by its name."""

import importlib
import pkgutil

import msgspec

from pipelines import messages


def structs() -> set[type[msgspec.Struct]]:
    """The types that the files of ``pipelines.messages`` define."""
    files = [
        importlib.import_module(f"{messages.__name__}.{file.name}")
        for file in pkgutil.iter_modules(messages.__path__)
    ]
    return {
        kind
        for file in files
        for kind in vars(file).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    }
