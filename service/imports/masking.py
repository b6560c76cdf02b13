"""Logins in cells, covered before anything keeps or shows the cells."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pipelines.secrets import MASK
from service.cameras.addresses import LONGEST, AddressError, stream_address

_SECRET_TITLE: Final = re.compile(
    r"密码|口令|密钥|凭证|令牌|passw|passwd|pwd|psw|secret|token|credential|apikey|api_key",
    re.IGNORECASE,
)
"""Columns of others that hold a secret, such as WVP's gbPassword."""

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
            if ours.get(at) in {"user", "password"}
            or (at not in ours and _SECRET_TITLE.search(title))
        }
        self._addresses = {columns[name] for name in ("main_url", "sub_url") if name in columns}

    def covered(self, cells: Sequence[str]) -> list[str]:
        """Return the cells with ``***`` for every login."""
        return [self._covered(at, cell) if cell else cell for at, cell in enumerate(cells)]

    def _covered(self, at: int, cell: str) -> str:
        if at in self._whole:
            return MASK
        if at in self._addresses and "//" not in cell:
            return MASK if _may_hold_login(f"//{cell}") else cell
        return covered_address(cell)


def covered_address(cell: str) -> str:
    """Return a cell without what may be a login in an address, if it holds an address."""
    if "//" not in cell:
        return MASK if _USERINFO.search(cell) else cell
    try:
        address = stream_address(cell[: LONGEST + 1])
    except AddressError:
        return _host_only(cell)
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


def _host_only(cell: str) -> str:
    """Return what a wrong address says of its host; the rest could be anything.

    As it stands, if it's one word that has nothing of a login: most are only mistyped.
    """
    if len(cell) <= LONGEST and not _may_hold_login(cell):
        return cell
    found = _SCHEME_AND_HOST.match(cell)
    if found is None:
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
