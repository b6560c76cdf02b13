"""The 20-digit identities of GB/T 28181 (annex E of the 2022 edition).

| digits | meaning                                                        |
|--------|----------------------------------------------------------------|
| 1-8    | civil code: the place as in GB/T 2260 (6) and its grass roots (2) |
| 9-10   | industry                                                       |
| 11-13  | type                                                           |
| 14     | network                                                        |
| 15-20  | serial number                                                  |
"""

import re
from typing import Final

from service.places.codes import FULL_WIDTH, PROVINCES
from service.refusals import Refusal, RefusedError

LENGTH: Final = 20

CAMERA_TYPES: Final = {"131": "camera", "132": "network camera"}
"""The types that a camera may have."""

OTHER_TYPES: Final = {
    "111": "a DVR",
    "112": "a video server",
    "113": "an encoder",
    "114": "a decoder",
    "115": "a video switch matrix",
    "116": "an audio switch matrix",
    "117": "an alarm controller",
    "118": "an NVR",
    "120": "an online image collection system",
    "121": "a checkpoint system",
    "122": "a multi-lens device",
    "123": "a car park gate",
    "124": "a door control",
    "125": "a security scanner",
    "130": "a hybrid hard-disk recorder",
    "133": "a display",
    "134": "an alarm input",
    "135": "an alarm output",
    "136": "an audio input",
    "137": "an audio output",
    "138": "a mobile transmission device",
    "139": "another peripheral",
    "200": "a central signalling server (SIP server)",
    "201": "a web server",
    "202": "a media server",
    "203": "a proxy server",
    "204": "a security server",
    "205": "an alarm server",
    "206": "a database server",
    "207": "a GIS server",
    "208": "a management server",
    "209": "an access gateway",
    "210": "a media storage server",
    "211": "a signalling security gateway",
    "215": "a business group",
    "216": "a virtual organisation (group)",
}
"""What pasted wrong identities are most often."""

_BLANK: Final = re.compile(r"[\s\u00a0\u3000\u200b\ufeff]+")


class GbIdError(RefusedError):
    """The text is not a camera's identity. It says what to do."""


def camera_gb_id(text: str) -> str:
    """Return a camera's identity as 20 plain digits. Raises ``GbIdError``.

    Blanks and full-width digits, as spreadsheets and platforms put them in, are normalised: they
    change nothing of what is meant. Anything else is refused.
    """
    digits = _BLANK.sub("", text[: 4 * LENGTH]).translate(FULL_WIDTH)
    if len(text) > 4 * LENGTH or not (digits.isascii() and digits.isdigit()):
        raise _not_digits(digits)
    if len(digits) != LENGTH:
        raise GbIdError(
            Refusal.GB_ID_LENGTH,
            f"a GB/T 28181 id has 20 digits, this one has {len(digits)}",
            digits=len(digits),
        )
    if int(digits[:2]) not in PROVINCES:
        raise GbIdError(
            Refusal.GB_ID_PROVINCE,
            f"the id begins with {digits[:2]}, which is no province of GB/T 2260: the first "
            "8 digits are the civil code of the camera's place",
            begins=digits[:2],
        )
    _require_camera(digits[10:13])
    return digits


def civil_code_fits(gb_id: str, place_code: str) -> bool:
    """Tell whether an identity's civil code and a place's code name the same place.

    They are compared as far as both say something: 33010600 fits 330106002, and a platform that
    numbers by city (33010000) fits all of it.
    """
    city, county = gb_id[:4], gb_id[4:6]
    if len(place_code) < 6:
        return True
    if county == "00" or place_code[4:6] == "00":
        return place_code.startswith(city) or (city[2:] == "00" and place_code[:2] == city[:2])
    return place_code.startswith(city + county)


def _require_camera(kind: str) -> None:
    if kind in CAMERA_TYPES:
        return
    known = OTHER_TYPES.get(kind)
    said = f"that is {known}" if known else "that is no camera"
    raise GbIdError(
        Refusal.GB_ID_OTHER_DEVICE if known else Refusal.GB_ID_TYPE,
        f"digits 11 to 13 are {kind}: {said}; a camera's id has 131 (camera) or 132 (network "
        "camera) there: give the id of the channel",
        kind=kind,
        device=kind,
    )


def _not_digits(digits: str) -> GbIdError:
    if re.fullmatch(r"\d(\.\d+)?[eE]\+?\d+", digits):
        return GbIdError(
            Refusal.GB_ID_ROUNDED,
            "the id was rounded by a spreadsheet (it reads like 3.30106E+19): format that column "
            "as text and copy the id anew from the video platform",
        )
    return GbIdError(Refusal.GB_ID_DIGITS, "a GB/T 28181 id consists of 20 digits and nothing else")
