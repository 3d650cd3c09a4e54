"""`omnistock users`: who may sign in to the planners' console, whether the directory is being served or not.

A user has a name, a role and a password, of which only an argon2 hash is kept, and an API key of their own in whose
client name (`console:NAME`) everything they change is journaled.
"""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from actors.documents.messages import PutKey
from api.console.accounts import SCOPES_OF, AccountFailed, Accounts, Role, check_name, check_password, client_of
from api.console.keys import made_key
from api.keys_cli import Database, keys_at
from api.screen import screen

Data = Annotated[
    Path,
    typer.Option("--data", envvar="OMNISTOCK_DATA", help="The data directory.", file_okay=False, exists=True),
]
Name = Annotated[str, typer.Argument(help="1 to 40 of a-z 0-9 . _ -")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]

users_app = typer.Typer(help="Users of the planners' console: named, with a role and a password.", no_args_is_help=True)


@users_app.command()
def add(
    name: Name,
    data: Data,
    role: Annotated[Role, typer.Option(help="viewer sees, planner also sets and counts, admin also keeps users.")],
    password_stdin: FromStdin = False,
    database: Database = None,
) -> None:
    """Let somebody sign in."""
    try:
        accounts = Accounts(data)
        check_name(name)
        if accounts.get(name) is not None:
            raise AccountFailed(f"there is a user {name} already")
        add_user(data, name, role, _password(password_stdin), database)
    except AccountFailed as failed:
        raise _said(failed) from None
    typer.echo(f"{name} may sign in as {role}")


@users_app.command("list")
def list_users(data: Data) -> None:
    """Show everybody."""
    table = Table("name", "role", "client", "since", box=None)
    for account in Accounts(data).all().values():
        table.add_row(account.name, account.role, client_of(account.name), account.created_at)
    screen().print(table)


@users_app.command()
def remove(name: Name, data: Data, database: Database = None) -> None:
    """End somebody's sessions and revoke the key; what was done stays in the journal under that name."""
    try:
        account = Accounts(data).remove(name, by=at_the_shell())
    except AccountFailed as failed:
        raise _said(failed) from None
    with keys_at(data, None, None, database) as keys:
        keys.revoke(account.key_id)
    typer.echo(f"{name} may no longer sign in")


@users_app.command()
def password(name: Name, data: Data, password_stdin: FromStdin = False) -> None:
    """Set a new password; whoever is signed in with the old one is signed out."""
    try:
        accounts = Accounts(data)
        if accounts.get(name) is None:
            raise AccountFailed(f"there is no user {name}")
        accounts.set_password(name, _password(password_stdin), by=at_the_shell())
    except AccountFailed as failed:
        raise _said(failed) from None
    typer.echo(f"{name} has a new password")


@users_app.command("role")
def change_role(
    name: Name,
    data: Data,
    role: Annotated[Role, typer.Option(help="that the user has from now on; the same one again renews the key.")],
    database: Database = None,
) -> None:
    """Give somebody another role, and a key that may do what the role may."""
    accounts, key = Accounts(data), made_key()
    try:
        if accounts.get(name) is None:
            raise AccountFailed(f"there is no user {name}")
        with keys_at(data, None, None, database) as keys:
            keys.put(PutKey(key.id, bytes.fromhex(key.secret_sha256), client_of(name), list(SCOPES_OF[role])))
            try:
                before = accounts.set_role(name, role, key.text, by=at_the_shell())
            except Exception:
                keys.revoke(key.id)
                raise
            keys.revoke(before.key_id)
    except AccountFailed as failed:
        raise _said(failed) from None
    typer.echo(f"{name} is {role} from now on")


def at_the_shell() -> str:
    """Who changes users on the command line: the machine's own user."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"cli:{os.getuid()}"


def add_user(data: Path, name: str, role: Role, secret: str, database: str | None = None) -> None:
    """Register the user's key, then the user; raises AccountFailed."""
    check_name(name)
    check_password(secret)
    key = made_key()
    with keys_at(data, None, None, database) as keys:
        keys.put(PutKey(key.id, bytes.fromhex(key.secret_sha256), client_of(name), list(SCOPES_OF[role])))
        try:
            Accounts(data).add(name, role, secret, key.text, by=at_the_shell())
        except Exception:
            keys.revoke(key.id)
            raise


def register(app: typer.Typer) -> None:
    """Add `users` to the command line."""
    app.add_typer(users_app, name="users")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    given: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return given


def _said(failed: Exception) -> typer.Exit:
    typer.echo(f"users: {failed}", err=True)
    return typer.Exit(1)
