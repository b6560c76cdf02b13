"""Why a file of cameras is refused as a whole."""

from service.refusals import RefusedError


class FileRefusedError(RefusedError):
    """Nothing of the file can be taken. The text says what to do."""
