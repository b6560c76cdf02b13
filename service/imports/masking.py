"""Logins in cells, covered before anything keeps or shows the cells."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from pipelines.secrets import MASK
from service.cameras.addresses import LONGEST, AddressError, stream_address

_SECRET_TITLE: Final = re.compile(
    r"密码|密碼|口令|密钥|密鑰|密匙|秘钥|凭证|凭据|憑證|令牌|授权码|验证码|账密|帐密|账号|帐号|賬號|帳號"
    r"|登录|登陆|登錄|mima|kouling|pass|pwd|pswd?|secret|token|cred|auth(?!or(?!i))|community|login"
    r"|username|用户名|psk|key|pin(?![a-z])|pw(?![a-z])|pw$"
)
"""Columns of others that hold a secret, such as WVP's gbPassword, by titles without blanks and
signs. Wide: what is covered needlessly is missing in the annotated copy, and nowhere else."""

_SIGNS: Final = re.compile(r"[\W_]")

_HOST: Final = re.compile(r"(?:[A-Za-z\d.-]+|\[[\dA-Fa-f:.]+\])(?::\d{1,5})?")

_LOGIN_FIELDS: Final = ("main_url", "sub_url", "user", "password")

_QUOTED_TWICE: Final = 2

_USERINFO: Final = re.compile(r":[^\s@]*@[^\s@]")
"""What an address without its ``//`` may have of a login."""

_SCHEME_AND_HOST: Final = re.compile(
    r"\s*((?:[A-Za-z][\w+.-]*:)?//)(?:.*@)?([^/?#\s@]*)", re.DOTALL
)


class Mask:
    """Covers the logins in the rows of one file."""

    def __init__(self, titles: Sequence[str], columns: Mapping[str, int]) -> None:
        ours = {at: name for name, at in columns.items()}
        self._whole = {
            at
            for at, title in enumerate(titles)
            if ours.get(at) in {"user", "password"} or (at not in ours and is_secret(title))
        }
        self._addresses = {columns[name] for name in ("main_url", "sub_url") if name in columns}
        logins = {columns[name] for name in _LOGIN_FIELDS if name in columns}
        self._first = min(logins | self._whole, default=len(titles))

    def covered(self, cells: Sequence[str]) -> list[str]:
        """Return the cells with ``***`` for every login."""
        return [self._covered(at, cell) if cell else cell for at, cell in enumerate(cells)]

    def covered_from_login(self, cells: Sequence[str]) -> list[str]:
        """Return the cells of a row that slipped: a piece of a login may stand in any of the later.

        Those before the first of address, user and password stand where they should.
        """
        found = self.covered(cells)
        return [MASK if cell and at >= self._first else cell for at, cell in enumerate(found)]

    def _covered(self, at: int, cell: str) -> str:
        if at in self._whole:
            return MASK
        if at not in self._addresses:
            return covered_address(cell)
        text = _meant(cell)
        if "//" not in text:
            return MASK if re.search(r"\s", text) or _may_hold_login(f"//{text}") else cell
        covered = covered_address(cell)
        if covered == cell and re.search(r"\s", cell):
            return _host_only(text)
        return covered


def is_secret(title: str) -> bool:
    """Tell whether a title means a login, as people write it: ``设备 密 码``, ``ＰＷＤ``."""
    text = unicodedata.normalize("NFKC", title).casefold()
    return _SECRET_TITLE.search(_SIGNS.sub("", text)) is not None


def covered_address(cell: str) -> str:
    """Return a cell without what may be a login in an address, if it holds an address."""
    text = _meant(cell)
    if "//" not in text:
        return MASK if _USERINFO.search(text) else cell
    try:
        address = stream_address(cell[: LONGEST + 1])
        stream_address(unicodedata.normalize("NFKC", cell[: LONGEST + 1]))
    except AddressError:
        if len(cell) <= LONGEST and not _may_hold_login(text):
            return cell
        return _host_only(text)
    if address.user is None:
        return cell
    scheme, _, rest = address.url.partition("://")
    return f"{scheme}://{MASK}@{rest}"


def uncovered(address: str) -> tuple[str, bool]:
    """Return an address without the mask of its login, and whether one was there."""
    scheme, between, rest = address.partition("://")
    userinfo, at, host = rest.rpartition("@")
    if at and userinfo in {MASK, f"{MASK}:{MASK}"}:
        return f"{scheme}{between}{host}", True
    return address, False


def _meant(cell: str) -> str:
    """Return what a cell says to whoever is lenient: half-width, unquoted."""
    text = unicodedata.normalize("NFKC", cell)
    for _ in range(_QUOTED_TWICE):
        text = unquote(text)
    return text


def _host_only(text: str) -> str:
    """Return what a wrong address says of its host, if it does; the rest could be anything."""
    found = _SCHEME_AND_HOST.match(text)
    if found is None or not _HOST.fullmatch(found[2]):
        return MASK
    return f"{found[1]}{MASK}@{found[2]}/{MASK}"


def _may_hold_login(cell: str) -> bool:
    """Tell whether an address may hold a login, judged as an RTSP address would be."""
    if "@" in cell or "%40" in cell:
        return True
    rest = re.sub(r"\s", "", cell.partition("//")[2])
    host, _, path = rest.partition("/")
    for text in (f"rtsp://a/{path}", f"rtsp://a/{host}"):
        try:
            stream_address(text.replace("#", "%23"))
        except AddressError:
            return True
    return False
