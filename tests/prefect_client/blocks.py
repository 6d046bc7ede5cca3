"""Blocks, by Prefect's own client and its commands."""

import subprocess
import sys
from pathlib import Path
from typing import Optional, Union

from prefect import flow, task
from prefect.blocks.core import Block
from prefect.blocks.notifications import SlackWebhook
from prefect.blocks.system import Secret
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.filesystems import SMB, LocalFileSystem, RemoteFileSystem
from prefect.transactions import transaction
from prefect.types import SecretDict
from pydantic import BaseModel, SecretStr


def prefect(*arguments, fails=False):
    command = [str(Path(sys.executable).parent / "prefect"), "--no-prompt", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, (arguments, done.returncode, said)
    return said


class Address(BaseModel):
    host: str
    port: int = 5432
    timeout: float = 1.5


class Credentials(Block):
    user: str
    password: SecretStr
    extras: Optional[SecretDict] = None


class Token(Block):
    token: SecretStr


class Database(Block):
    _block_type_slug = "own-database"
    _description = "A database <of our own> & more"

    address: Address
    credentials: Union[Credentials, Token]
    notes: Optional[dict] = None


def own_blocks():
    Database.register_type_and_schema()
    Credentials(user="ann", password="hush", extras={"pin": 17}).save("ann")
    ann = Credentials.load("ann")
    assert ann.password.get_secret_value() == "hush" and ann.extras.get_secret_value() == {"pin": 17}

    database = Database(address=Address(host="here"), credentials=ann, notes={"a": [1]})
    saved = database.save("main")
    loaded = Database.load("main")
    assert loaded.address == Address(host="here") and loaded.notes == {"a": [1]}, loaded
    assert isinstance(loaded.credentials, Credentials)
    assert loaded.credentials.password.get_secret_value() == "hush"

    # What stands in the other block is read anew each time.
    Credentials(user="ann", password="newer").save("ann", overwrite=True)
    assert Database.load("main").credentials.password.get_secret_value() == "newer"
    try:
        database.save("main")
    except ValueError as error:
        assert "already in use" in str(error), error
    else:
        raise AssertionError("the name is taken")
    Token(token="t").save("token")
    Database(address=Address(host="there"), credentials=Token.load("token")).save("main", overwrite=True)
    moved = Block.load("own-database/main")
    assert moved.address.host == "there" and isinstance(moved.credentials, Token), moved

    with get_client(sync_client=True) as client:
        shown = client.read_block_document(saved, include_secrets=False)
        assert shown.data["credentials"] == {"token": "********"}, shown.data
        hidden = client.read_block_document_by_name("ann", "credentials", include_secrets=False)
        assert hidden.data["password"] == "********" and hidden.data["user"] == "ann", hidden.data
        for block in (Database, Credentials, Token):
            found = client.read_block_schema_by_checksum(
                block._calculate_schema_checksum(), version=block.get_block_schema_version()
            )
            assert block._calculate_schema_checksum(found.fields) == found.checksum, found
    inline = Database(address=Address(host="x"), credentials=Credentials(user="bob", password="deep"))
    inline.save("inline")
    assert Database.load("inline").credentials.password.get_secret_value() == "deep"

    Database.delete("main")
    try:
        Database.load("main")
    except ValueError as error:
        assert "Unable to find" in str(error), error
    else:
        raise AssertionError("it was deleted")


def blocks_that_come_along():
    with get_client(sync_client=True) as client:
        for block in (Secret, Webhook, LocalFileSystem, RemoteFileSystem, SMB, SlackWebhook):
            found = client.read_block_schema_by_checksum(
                block._calculate_schema_checksum(), version=block.get_block_schema_version()
            )
            assert found.block_type.slug == block.get_block_type_slug()
        try:
            client.delete_block_type(client.read_block_type_by_slug("secret").id)
        except Exception as error:
            assert "protected" in str(error).lower(), error
        else:
            raise AssertionError("it is protected")
    Secret(value="sesame").save("door")
    assert Secret.load("door").get() == "sesame"
    Secret(value={"a": [1]}).save("gate")
    assert Secret.load("gate").get() == {"a": [1]}
    Webhook(url="http://localhost/x", headers={"key": "k"}).save("hook")
    assert Webhook.load("hook").headers.get_secret_value() == {"key": "k"}


@task(persist_result=True)
def compute():
    return {"answer": 42}


@flow
def with_storage():
    with transaction(key="both") as held:
        held.set("seen", 1)
        value = compute()
    return value


def results_in_a_block():
    folder = Path.cwd() / "results"
    LocalFileSystem(basepath=str(folder)).save("results")
    state = with_storage.with_options(result_storage="local-file-system/results", persist_result=True)(return_state=True)
    assert state.result() == {"answer": 42}
    assert any(path.is_file() for path in folder.rglob("*")), "the block keeps the results"


def commands():
    Path("blocks_of_file.py").write_text(
        "from prefect.blocks.core import Block\nfrom pydantic import SecretStr\n\n\n"
        "class FromFile(Block):\n    word: SecretStr\n"
    )
    said = prefect("block", "register", "--file", "blocks_of_file.py")
    assert "FromFile" in said or "from-file" in said or "fromfile" in said, said
    prefect("block", "register", "--module", "prefect.blocks.system")
    for line in ("secret", "webhook", "own-database", "slack-webhook"):
        assert line in prefect("block", "type", "ls"), line
    assert "own-database" in prefect("block", "type", "inspect", "own-database")
    assert "door" in prefect("block", "ls")
    inspected = prefect("block", "inspect", "secret/door")
    assert "****" in inspected and "sesame" not in inspected, inspected
    prefect("block", "delete", "secret/door")
    prefect("block", "inspect", "secret/door", fails=True)
    prefect("block", "type", "delete", "fromfile")
    prefect("block", "type", "delete", "secret", fails=True)
    assert "own-database" in prefect("block", "create", "own-database")


if __name__ == "__main__":
    own_blocks()
    blocks_that_come_along()
    results_in_a_block()
    commands()
    with get_client(sync_client=True) as client:
        try:
            client.read_block_document_by_name("door", "secret")
        except ObjectNotFound:
            pass
        else:
            raise AssertionError("it was deleted")
