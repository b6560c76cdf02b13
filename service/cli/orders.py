"""``fengsui orders list|show|dead|replay``: where orders are, and dead letters sent again."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pipelines.terminal import one_line
from service.cli.client import READS, TOKEN, Service
from service.cli.running import Found, add_common, run, service_of
from service.cli.words import CONSOLES, called, told
from service.imports.words import Language

PAGE: Final = 500
AT_ONCE: Final = 500
"""Orders named in one request."""

STATES: Final = tuple(code for code in CONSOLES["order_state"] if code != "silent")

READ: Final = ("order.read",)
REPLAY: Final = ("order.read", "order.replay")
"""The scopes of a token for it."""

Row = dict[str, Any]


def main(words: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Run the command; returns 0 done, 1 it can't go on, 2 wrong arguments."""
    return run(_parser(), words, environment)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fengsui orders",
        description="Orders: where each is, everything about one, and dead letters sent again.",
        epilog=f"The token of whoever asks goes into {TOKEN}, with the scopes order.read and, to"
        " send again, order.replay. Exit codes: 0 done, 1 it can't go on, 2 wrong arguments.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listed = commands.add_parser("list", help="orders, newest first")
    listed.add_argument("--state", action="append", choices=STATES, help="may be repeated")
    _add_filters(listed)
    listed.set_defaults(run=_list)
    show = commands.add_parser("show", help="one order: alerts, history, attempts, answers")
    show.add_argument("order_id", type=UUID, metavar="ID")
    add_common(show)
    show.set_defaults(run=_show)
    dead = commands.add_parser("dead", help="orders that won't be tried again by themselves")
    _add_filters(dead)
    dead.set_defaults(run=_list, state=["dead"])
    _add_replay(commands.add_parser("replay", help="send dead letters again, by the same ids"))
    return parser


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", metavar="NAME", help="only of this target")
    parser.add_argument("--incident", type=UUID, metavar="ID", help="only about this incident")
    sort = parser.add_mutually_exclusive_group()
    sort.add_argument("--drills", dest="drill", action="store_true", default=None)
    sort.add_argument("--real", dest="drill", action="store_false", default=None)
    parser.add_argument("--limit", type=_count, default=100, metavar="N", help="default: 100")
    add_common(parser)


def _add_replay(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("order_id", nargs="*", default=[], type=UUID, metavar="ID")
    which.add_argument("--target", metavar="NAME", help="all dead letters of this target")
    which.add_argument("--all", action="store_true", help="all there are")
    add_common(parser)
    parser.set_defaults(run=_replay)


def _list(given: argparse.Namespace, environment: Mapping[str, str]) -> Found:
    wanted = {
        "state": given.state,
        "target": given.target,
        "incident_id": given.incident and str(given.incident),
        "drill": None if given.drill is None else str(given.drill).lower(),
    }
    query = {name: value for name, value in wanted.items() if value is not None}
    with service_of(given, environment, READ, READS) as service:
        rows, more = _rows(service, query, given.limit)
        lines = [_line(service.language, row) for row in rows]
    if not rows:
        lines.append(told(given.language, "orders_none"))
    if more:
        lines.append(told(given.language, "orders_more"))
    return "\n".join(lines), {"orders": rows, "more": more}


def _rows(service: Service, query: dict[str, Any], limit: int) -> tuple[list[Row], bool]:
    rows: list[Row] = []
    more = True
    while more and len(rows) < limit:
        page = {**query, "limit": min(PAGE, limit - len(rows))}
        if rows:
            page["before"] = rows[-1]["order_id"]
        found = service.patiently("GET", "/api/orders", params=page)
        rows += found["orders"]
        more = bool(found["more"] and found["orders"])
    return rows, more


def _line(language: Language, row: Row) -> str:
    state = called(language, "order_state", row["state"]) or row["state"]
    about = [row["hazard"], row["place_code"] or "-", row["camera_id"]]
    error = [] if row["last_error"] is None else [row["last_error"]]
    order = [row["decided_at"], row["order_id"], state, row["kind"], row["target"]]
    return one_line("  ".join([*order, *about, *error]))


def _show(given: argparse.Namespace, environment: Mapping[str, str]) -> Found:
    with service_of(given, environment, READ, READS) as service:
        found: Row = service.patiently("GET", f"/api/orders/{given.order_id}")
    moments = sorted(_moments(given.language, found), key=lambda one: one[0])
    lines = [_line(given.language, {**found["order"], **_about(found["incident"])})]
    return "\n".join([*lines, *(one_line(f"{at}  {words}") for at, words in moments)]), found


def _about(incident: Row) -> Row:
    return {name: incident[name] for name in ("hazard", "place_code", "camera_id")}


def _moments(language: Language, found: Row) -> Iterator[tuple[str, str]]:
    for one in found["alerts"]:
        yield one["received_at"], told(language, "trail_alert", **one)
    for one in found["steps"]:
        yield one["at"], told(language, "trail_step", **one)
    yield found["order"]["decided_at"], told(language, "trail_decided", **found["order"])
    for one in found["attempts"]:
        yield one["at"], told(language, "trail_attempt", **one)
    for one in found["receipts"]:
        yield one["received_at"], told(language, "trail_receipt", **one)


def _replay(given: argparse.Namespace, environment: Mapping[str, str]) -> Found:
    with service_of(given, environment, REPLAY) as service:
        done = [_until_none(service, body) for body in _bodies(service, given)]
    machine = {"replayed": sum(one for one, _ in done), "left": sum(one for _, one in done)}
    lines = [told(given.language, "orders_replayed", **machine)]
    if machine["left"]:
        lines.append(told(given.language, "orders_left", **machine))
    return "\n".join(lines), machine


def _bodies(service: Service, given: argparse.Namespace) -> Iterator[Row]:
    ids = [str(one) for one in dict.fromkeys(given.order_id)]
    for at in range(0, len(ids), AT_ONCE):
        yield {"order_ids": ids[at : at + AT_ONCE]}
    if given.target is not None:
        yield {"target": given.target}
    if given.all:
        for one in service.patiently("GET", "/api/dispatch/targets")["targets"]:
            if not one["present"]:
                service.say("orders_target_gone", target=one["name"], waiting=one["waiting"])
            if one["dead"]:
                yield {"target": one["name"]}


def _until_none(service: Service, body: Row) -> tuple[int, int]:
    """Ask until nothing more is sent again; returns how many were, and how many are not."""
    replayed = 0
    while True:
        found = service.patiently("POST", "/api/orders/replay", json=body)
        replayed += found["replayed"]
        if not found["replayed"] or not found["left"]:
            asked = body.get("order_ids")
            return replayed, found["left"] if asked is None else len(asked) - replayed


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count
