"""The number that somebody answers, as China's numbering plan has it; kept as it was typed."""

import re
import unicodedata
from typing import Final

from service.refusals import Refusal, RefusedError

_BETWEEN: Final = re.compile(r"[\s().\-–—]+")
_EXTENSION: Final = r"(?:(?:转|分机|ext|x|#)[0-9]{1,6})?"
_DASHED_EXTENSION: Final = re.compile(r"[-–—]\s*[0-9]{1,6}$")

_AREA: Final = r"(?:10|2[0-9]|[3-9][0-9]{2})"
"""Without its 0: 10 is Beijing, 571 Hangzhou."""

_HOTLINE: Final = r"(?:12[0-9]{3}|96[0-9]{3,4})"
"""A city's own; with its area code from elsewhere."""

_SERVICE: Final = (
    r"11[0-24-9]|12[0-2]|999|10[0-9]{3}|11[68][0-9]{2,3}|95[0-9]{3,7}|[48]00[0-9]{7}"
    rf"|{_HOTLINE}"
)
"""110, 119, 12345, 95598, 400 and the like: 3 to 10 digits."""

_NUMBER: Final = re.compile(
    rf"(?:(?:\+|00)86)?(?:1[3-9][0-9]{{9}}|0{_AREA}(?:[2-9][0-9]{{6,7}}|{_HOTLINE})|{_SERVICE})"
    rf"{_EXTENSION}"
    rf"|(?:\+|00)86{_AREA}[2-9][0-9]{{6,7}}{_EXTENSION}",
    re.IGNORECASE,
)


def contact_number(text: str) -> str:
    """Return a number as it stands there. Raises ``RefusedError`` for what reaches nobody."""
    said = unicodedata.normalize("NFKC", text)
    for one in (said, _DASHED_EXTENSION.sub("", said)):
        if _NUMBER.fullmatch(_BETWEEN.sub("", one)):
            return text
    raise RefusedError(
        Refusal.CONTACT_NUMBER,
        "give a landline number with its area code, such as 0571-88888888, a mobile number of 11 "
        "digits, or a service number such as 12345",
    )
