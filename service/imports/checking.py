"""Rows of a file checked one by one, by what the console's own forms are held to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from pipelines.sealing import MAX_LOGIN_CHARS, SealError, require_usable
from pipelines.secrets import MASK, Secret
from service.cameras.addresses import StreamAddress
from service.cameras.gb_id import camera_gb_id
from service.cameras.logins import Login, hosts_of, login_of
from service.cameras.models import CameraPatch, NewCamera
from service.cameras.needs import require_needs
from service.errors import ProblemError
from service.imports.changes import POSITION, changes
from service.imports.columns import REQUIRED
from service.imports.defaults import require_possible
from service.imports.known import Carried, Defaults, Known, Present, words_for
from service.imports.masking import Mask, uncovered
from service.imports.reasons import Reason, RowVerdict, Work, reasons_of
from service.imports.rows import Sheet, SheetRow, Source
from service.imports.tables import in_short, require_short
from service.imports.values import (
    coordinate_system_of,
    degrees,
    hazards_of,
    is_none,
    place_type_of,
    programme_of,
    sign_of,
    yes_or_no,
)
from service.imports.wvp import meant
from service.refusals import Refusal, RefusedError
from service.text import NAME_LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A row and what was found."""

    number: int
    """As the row's."""
    cells: list[str]
    """As the row's, with ``***`` for every login."""
    verdict: RowVerdict
    """What it would do."""
    reasons: list[Reason]
    """Why it is bad; empty otherwise."""
    gb_id: str | None = None
    """Its identity, if it has a good one."""
    name: str | None = None
    """What the camera is or would be called; as it stands there, cut to 128 characters."""
    new: NewCamera | None = None
    """The camera to be registered, without a login."""
    patch: CameraPatch | None = None
    """What changes of a registered one, without a login."""
    wanted: dict[str, Any] | None = None
    """``new`` or ``patch`` as JSON: the same model makes it from this again."""
    camera_id: str | None = None
    """Of a registered camera."""
    login: Login | None = None
    """What is to be sealed; also with an otherwise empty patch."""
    carried: Carried | None = None
    """What was sealed already, of an earlier file; also with an otherwise empty patch."""
    spare: tuple[Login, list[str]] | None = None
    """A bad row's login and its hosts: whoever mends the row need not give it anew."""


_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "programme": programme_of,
    "place_type": place_type_of,
    "coordinate_system": coordinate_system_of,
    "longitude": degrees,
    "latitude": degrees,
    "hazards": hazards_of,
    "enabled": yes_or_no,
    "sign_confirmed": sign_of,
}

_PLAIN: Final = ("name", "purpose", "legal_basis", "owner", "contact_number", "upstream")
_MAY_BE_NONE: Final = frozenset({"upstream", "sub_url"})


class Checker:
    """Checks the rows of one file, and remembers the ids that it has seen."""

    def __init__(self, sheet: Sheet, defaults: Defaults, known: Known) -> None:
        """Raise ``DefaultRefusedError`` for a default that no row could have."""
        require_possible(defaults, known)
        self._columns = dict(sheet.columns)
        self._is_wvp = sheet.source is Source.WVP
        self._mask = Mask(sheet.titles, sheet.columns)
        self._fields = {at: name for name, at in sheet.columns.items()}
        self._defaults = words_for(sheet, defaults)
        self._watch = defaults.watch
        self._known = known
        self._seen: dict[str, int] = {}
        self._places: dict[str, str] = {}

    def check(self, row: SheetRow) -> Checked:
        """Return what a row would do."""
        work = Work(reasons=[], given={}, values={})
        self._read_cells(row, work)
        if any(fault.error.code == "row_cells" for fault in row.faults):
            return self._shifted(row, work)
        gb_id = self._identity(row, work)
        present = self._present(gb_id, work)
        self._read_values(work, present)
        self._read_login(work)
        result = self._judged(work, present)
        return Checked(
            number=row.number,
            cells=in_short(self._mask.covered(row.cells), self._fields),
            verdict=RowVerdict.BAD if work.reasons else result.verdict,
            reasons=work.reasons,
            gb_id=gb_id,
            name=_name(work, present),
            camera_id=None if present is None else present.camera_id,
            **({"spare": _spare(work, present)} if work.reasons else result.found),
        )

    def _shifted(self, row: SheetRow, work: Work) -> Checked:
        """Return a row of which nobody knows what stands where: a comma in a password does that."""
        return Checked(
            number=row.number,
            cells=in_short(self._mask.covered_from_login(row.cells), self._fields),
            verdict=RowVerdict.BAD,
            reasons=work.reasons,
        )

    def _read_cells(self, row: SheetRow, work: Work) -> None:
        """Take what the cells of our columns say, and what is wrong with the row already."""
        for fault in row.faults:
            column = None if fault.at is None else self._fields.get(fault.at)
            work.refuse(fault.error, column)
        try:
            require_short(row.cells, self._fields)
        except RefusedError as error:
            work.refuse(error, None)
        for field, at in self._columns.items():
            cell = row.cells[at]
            if self._is_wvp:
                cell = meant(field, cell)
            if cell and field not in work.refused:
                work.given[field] = cell

    def _identity(self, row: SheetRow, work: Work) -> str | None:
        said = work.given.pop("gb_id", None)
        if said is None:
            if "gb_id" not in work.refused:
                absent = "there is no GB id, which a camera is known by in an import: give it"
                work.refuse(RefusedError(Refusal.GB_ID_ABSENT, absent), "gb_id")
            return None
        try:
            gb_id = camera_gb_id(said)
        except RefusedError as error:
            work.refuse(error, "gb_id")
            return None
        first = self._seen.setdefault(gb_id, row.number)
        if first != row.number:
            twice = f"the GB id stands in row {first} already: check which of the two is wrong"
            work.refuse(RefusedError(Refusal.GB_ID_TWICE, twice, line=first), "gb_id")
        work.values["gb_id"] = gb_id
        return gb_id

    def _present(self, gb_id: str | None, work: Work) -> Present | None:
        if gb_id is None:
            return None
        try:
            return self._known.camera(gb_id)
        except RefusedError as error:
            work.refuse(error, "gb_id")
            return None

    def _read_values(self, work: Work, present: Present | None) -> None:
        """Turn words into what the models take."""
        given = work.given
        self._read_defaults(given, is_new=present is None)
        work.require(REQUIRED if present is None else _needed_together(given))
        for field in _MAY_BE_NONE & set(given):
            if is_none(given[field]):
                del given[field]
                work.values[field] = None
        work.values.update({field: given[field] for field in _PLAIN if field in given})
        parsers = {**_PARSERS, "place_code": self._place_code}
        for field, parse in parsers.items():
            if field in given:
                work.parse(field, parse)
        _join_position(work)
        if (
            present is not None
            and work.given.get("contact_number") == present.columns["contact_number"]
        ):
            del work.values["contact_number"]  # an older one may be none that is taken today
        if present is None:
            work.values.setdefault("enabled", self._watch)

    def _read_defaults(self, given: dict[str, str], *, is_new: bool) -> None:
        """Add what counts where the row says nothing; a camera that is there keeps what it has."""
        if is_new:
            given.update({one: word for one, word in self._defaults.items() if one not in given})
        elif "longitude" in given and "coordinate_system" in self._defaults:
            given.setdefault("coordinate_system", self._defaults["coordinate_system"])

    def _place_code(self, said: str) -> str:
        code = self._places.get(said)
        if code is None:
            code = self._places[said] = self._known.place_code(said)
        return code

    def _read_login(self, work: Work) -> None:
        """Take addresses, user and password; note where a login was taken out before."""
        for field in ("main_url", "sub_url"):
            if field in work.given:
                address, is_masked = uncovered(work.given[field])
                work.is_masked |= is_masked
                if MASK in address:
                    work.refuse(_taken_out(), field)
                else:
                    work.values[field] = address
        user, password = work.given.get("user", ""), work.given.get("password", "")
        if {user, password} in ({MASK}, {MASK, ""}):
            work.is_masked = True
        elif MASK in {user, password}:  # the other half is of another login
            work.refuse(_taken_out(), "user" if user == MASK else "password")
        elif user:
            work.values["credentials"] = {"user": user, "password": Secret(password)}
        elif password:
            error = RefusedError(Refusal.LOGIN_USER, "there is a password and no user: give both")
            work.refuse(error, "user")

    def _judged(self, work: Work, present: Present | None) -> "_Judged":
        model: type[NewCamera] | type[CameraPatch] = NewCamera if present is None else CameraPatch
        try:
            made = model.model_validate(work.values)
        except ValidationError as error:
            for reason in reasons_of(error):
                work.add(reason)
            return _Judged(verdict=RowVerdict.BAD, found={})
        if work.reasons:
            return _Judged(verdict=RowVerdict.BAD, found={})
        try:
            login = _usable(login_of(made.credentials, _addresses(made)))
            if isinstance(made, NewCamera):
                return self._new(made, login, work)
            assert present is not None  # noqa: S101 - it is, of a patch
            return self._changed(made, login, present, work)
        except (RefusedError, ProblemError) as error:
            work.refuse(error, None)
            return _Judged(verdict=RowVerdict.BAD, found={})

    def _new(self, made: NewCamera, login: Login | None, work: Work) -> "_Judged":
        without = {name: _without_login(getattr(made, name)) for name in ("main_url", "sub_url")}
        new = made.model_copy(update={**without, "credentials": None})
        hosts = hosts_of(None if one is None else one.url for one in without.values())
        carried = self._carried(login, hosts, work, None)
        if work.is_masked and login is None and carried is None:
            raise _taken_out()
        require_needs(made.hazards, [], None)
        found = {"new": new, "wanted": _wanted(made), "login": login, "carried": carried}
        return _Judged(verdict=RowVerdict.NEW, found=found)

    def _changed(
        self, made: CameraPatch, login: Login | None, present: Present, work: Work
    ) -> "_Judged":
        changed = changes(made, present.columns)
        old = present.columns
        urls = [changed.get(name, old[name]) for name in ("main_url", "sub_url")]
        hosts = hosts_of(urls)
        carried = self._carried(login, hosts, work, present)
        if login is None and carried is None:
            _require_login(present.login_hosts, hosts, is_masked=work.is_masked)
        if "hazards" in changed:
            require_needs(changed["hazards"], old["zones"], old["water"])
        if login is not None and self._known.has_login(present.camera_id, hosts, login):
            login = None
        if not changed and login is None and carried is None:
            return _Judged(verdict=RowVerdict.UNCHANGED, found={})
        wanted = _patch_of(changed)
        patch = CameraPatch.model_validate(wanted)
        found = {"patch": patch, "wanted": wanted, "login": login, "carried": carried}
        return _Judged(verdict=RowVerdict.CHANGED, found=found)

    def _carried(
        self, login: Login | None, hosts: Sequence[str], work: Work, present: Present | None
    ) -> Carried | None:
        """Return what stood where ``***`` stands, if the row says nothing of its login itself."""
        if login is not None or not work.is_masked:
            return None
        return self._known.carried(work.values["gb_id"], hosts, present)


@dataclass(slots=True, kw_only=True)
class _Judged:
    """What a row comes to."""

    verdict: RowVerdict
    found: dict[str, Any]


def _needed_together(given: Mapping[str, str]) -> Sequence[str]:
    """Return what a change needs: who gives one part of a position gives all."""
    return POSITION if {"longitude", "latitude"} & set(given) else ()


def _join_position(work: Work) -> None:
    parts = {name: work.values.pop(name) for name in POSITION if name in work.values}
    if len(parts) == len(POSITION):
        work.values["position"] = parts


def _name(work: Work, present: Present | None) -> str | None:
    said = work.given.get("name") or (None if present is None else present.columns["name"])
    return None if said is None else str(said)[:NAME_LENGTH]


def _addresses(made: NewCamera | CameraPatch) -> list[StreamAddress | None]:
    return [getattr(made, name, None) for name in ("main_url", "sub_url")]


def _spare(work: Work, present: Present | None) -> tuple[Login, list[str]] | None:
    """Return the login of a bad row of a new camera, as far as there is a good one."""
    if present is not None or "gb_id" not in work.values or "gb_id" in work.refused:
        return None
    names = ("main_url", "sub_url", "credentials")
    try:
        made = CameraPatch.model_validate(
            {one: work.values[one] for one in names if one in work.values}
        )
        login = _usable(login_of(made.credentials, _addresses(made)))
    except (ValidationError, RefusedError, ProblemError):
        return None
    hosts = hosts_of(None if one is None else one.url for one in _addresses(made))
    return (login, hosts) if login is not None and hosts else None


def _usable(login: Login | None) -> Login | None:
    """Return a login that cameras understand. Raises ``RefusedError``."""
    if login is None:
        return None
    try:
        require_usable(login.user, login.password.reveal())
        too_long = max(len(login.user), len(login.password)) > MAX_LOGIN_CHARS
    except SealError as error:
        said, too_long = str(error), True
    else:
        said = f"a user or password has at most {MAX_LOGIN_CHARS} characters"
    if too_long:
        raise RefusedError(Refusal.CREDENTIALS_REFUSED, said, most=MAX_LOGIN_CHARS)
    return login


def _wanted(made: NewCamera) -> dict[str, Any]:
    """Return a camera as JSON, with no login in it."""
    addresses = {"main_url", "sub_url", "credentials"}
    found = made.model_dump(mode="json", exclude=addresses, exclude_unset=True)
    for name in ("main_url", "sub_url"):
        address = getattr(made, name)
        if address is not None:
            found[name] = address.url
    return found


def _patch_of(changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return changed columns as the JSON of a patch."""
    found = {name: value for name, value in changed.items() if name not in POSITION}
    if "longitude" in changed:
        found["position"] = {name: changed[name] for name in POSITION}
    return found


def _require_login(bound: frozenset[str] | None, hosts: Sequence[str], *, is_masked: bool) -> None:
    """Refuse a row without a login whose camera's isn't there, or is for other hosts."""
    if bound is None and is_masked:
        raise _taken_out()
    if bound is not None and not bound >= set(hosts):
        raise _taken_out() if is_masked else _login_needed()


def _without_login(address: StreamAddress | None) -> StreamAddress | None:
    return None if address is None else StreamAddress(url=address.url)


def _taken_out() -> RefusedError:
    return RefusedError(
        Refusal.LOGIN_TAKEN_OUT,
        "user and password were taken out of this row (***): give them anew",
    )


def _login_needed() -> RefusedError:
    return RefusedError(
        Refusal.LOGIN_NEEDED,
        "the address's host, port or scheme changed: give user and password again",
    )
