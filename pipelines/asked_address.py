"""The address that somebody at a command line asks for, with a login that stands elsewhere."""

import os
import sys
from getpass import getpass
from urllib.parse import unquote, urlsplit

import structlog

from pipelines.address import Address, command_line_address, registered_address
from pipelines.secrets import Secret


class LoginError(Exception):
    """The environment holds no login for the address."""


def asked_address(text: str, variable: str) -> Address:
    """Return what to watch; its login is in the environment's ``variable``, or asked for.

    Everybody on a machine can read arguments. Raises ``BadAddressError``, ``LoginError``, or
    ``EOFError`` if who is asked doesn't answer.
    """
    plain = command_line_address(text)
    if plain.is_file:
        return plain
    parts = urlsplit(text)
    userinfo, _, host = parts.netloc.rpartition("@")
    user, colon, password = userinfo.partition(":")
    if colon:
        if password:
            structlog.get_logger().warning(
                "password_in_arguments",
                fault="everybody on this machine can read it",
                do=f"put user:password into {variable}",
            )
        return plain
    login = os.environ.get(variable, "")
    if login and (":" not in login or unquote(user) not in {"", login.partition(":")[0]}):
        raise LoginError(
            f"{variable} holds no login, or another user's than the address: write user:password"
        )
    if not login and user and sys.stdin.isatty():
        user = unquote(user)
        login = f"{user}:{getpass(f'password of {user} at {plain.shown}: ')}"
    if not login:
        return plain
    user, _, password = login.partition(":")
    return registered_address(parts._replace(netloc=host).geturl(), (user, Secret(password)))
