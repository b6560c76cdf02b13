"""One's own API tokens over HTTP."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import Connection, RowMapping

from service.accounts import store, tokens
from service.accounts.errors import BeyondScopesError, UnknownTokenError
from service.accounts.gate import Gate, Visit
from service.accounts.models import MadeToken, NewToken, Token, TokenList
from service.accounts.principal import Principal
from service.accounts.roles import SCOPES
from service.audit.log import record
from service.database import Database
from service.problems import responses


def token_router(database: Database, gate: Gate) -> APIRouter:
    """Return the tokens' routes. They need a session: a token makes and shows no others."""
    router = APIRouter(prefix="/api/tokens", tags=["tokens"])
    Person = Annotated[Visit, Depends(gate.visit())]  # noqa: N806

    @router.get("", responses=responses(401, 403))
    def own_tokens(visit: Person) -> TokenList:
        """List one's own tokens, those revoked and expired included."""
        with database.reading() as connection:
            rows = tokens.of(connection, visit.principal.account_id)
        return TokenList(tokens=[_view(row) for row in rows])

    @router.post("", status_code=201, responses=responses(401, 403, 409, 413, 422))
    def make_token(visit: Person, new: NewToken) -> MadeToken:
        """Make a token, one of 50 at most; its secret is shown this once.

        It may do what its scopes and, at each use, the account's role allow. No scope of it is
        ``account.write``: managing accounts needs a session.
        """
        with gate.writing(visit.principal, None) as (connection, who):
            if beyond := set(new.scopes) - (who.permissions & SCOPES):
                raise BeyondScopesError(", ".join(sorted(beyond)))
            token_id, secret = tokens.create(
                connection,
                account_id=who.account_id,
                name=new.name,
                scopes=new.scopes,
                lasts=timedelta(days=new.expires_in_days),
            )
            made = tokens.existing(connection, token_id)
            _note(connection, who, "token.created", made)
        return MadeToken(**_view(made).model_dump(), secret=secret)

    @router.delete("/{token_id}", status_code=204, responses=responses(401, 403, 404, 422))
    def revoke_token(visit: Person, token_id: UUID) -> None:
        """Revoke a token, for ever."""
        with gate.writing(visit.principal, None) as (connection, who):
            if not tokens.revoke(connection, who.account_id, token_id):
                raise UnknownTokenError(token_id)
            _note(connection, who, "token.revoked", tokens.existing(connection, token_id))

    return router


def _view(row: RowMapping) -> Token:
    return Token(**{name: row[name] for name in Token.model_fields})


def _note(connection: Connection, who: Principal, action: str, token: RowMapping) -> None:
    record(
        connection,
        actor=who.login,
        action=action,
        object_kind="token",
        object_id=str(token["token_id"]),
        place_code=store.common_place(who.paths),
        detail={"name": token["name"], "scopes": token["scopes"]},
    )
