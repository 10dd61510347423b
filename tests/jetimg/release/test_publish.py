"""Publishing: what is sent is what is there, a second call finishes, and the token stays where it belongs."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from jetimg.cli.main import app
from jetimg.common import checksums
from jetimg.common.errors import DataError
from jetimg.release import publish as publishing
from jetimg.release import token
from jetimg.release.zenodo import Api, Patience
from jetimg.release.zenodo import server as address
from tests.helpers.zenodo import TOKEN, Deposit, Zenodo

QUICK = Patience(tries=4, first=0.01, longest=0.02)
ROOT = Path(__file__).parents[3]
FILE = r"PUT /api/files/"


def api(server: Zenodo, patience: Patience = QUICK) -> Api:
    return Api(server.url, SecretStr(TOKEN), patience)


def there(server: Zenodo) -> dict[str, bytes]:
    (deposit,) = server.deposits.values()
    return deposit.files


def here(release: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in release.iterdir()}


def test_a_draft_holds_the_release_and_is_not_published(server: Zenodo, released: Path) -> None:
    sent: list[int] = []
    (draft,) = publishing.publish(released, api(server), progress=sent.append)
    assert there(server) == here(released)
    (deposit,) = server.deposits.values()
    assert (deposit.submitted, draft.published) == (False, False)
    assert deposit.metadata["title"] == "Jet images for object detection"
    assert sum(sent) == sum(len(content) for content in here(released).values())


def test_published_only_when_told_and_only_once(server: Zenodo, released: Path) -> None:
    publishing.publish(released, api(server))
    (draft,) = publishing.publish(released, api(server), final=True)
    assert draft.published
    assert [deposit.submitted for deposit in server.deposits.values()] == [True]
    assert publishing.publish(released, api(server), final=True) == [draft]
    assert len(server.requests("actions/publish")) == 1


def test_a_second_call_sends_nothing(server: Zenodo, released: Path) -> None:
    publishing.publish(released, api(server))
    server.log.clear()
    publishing.publish(released, api(server))
    assert server.requests(FILE) == []
    assert len(server.deposits) == 1


@pytest.mark.parametrize("seed", range(5))
def test_connections_dropped_at_random_only_cost_time(server: Zenodo, released: Path, seed: int) -> None:
    kinds = random.Random(seed).choices(["drop", "cut", "lost", 500, 502, 503, 504, 429], k=12)
    server.faults = [(FILE, kind) for kind in kinds]
    server.faults += [("GET .*/files", "drop"), (r"PUT .*depositions/\d+$", 503)]
    publishing.publish(released, api(server, Patience(20, 0.001, 0.002)))
    assert there(server) == here(released)


def test_a_second_call_sends_only_what_is_missing(server: Zenodo, released: Path) -> None:
    """The connection goes for good in the middle; what arrived is not sent again."""
    server.faults = [(rf"{FILE}.*train-00001", "cut")] * QUICK.tries
    with pytest.raises(DataError, match=r"train-00001\.h5: no success in 4 tries: connection lost .*call again"):
        publishing.publish(released, api(server))
    arrived = set(there(server))
    assert arrived
    server.log.clear()
    publishing.publish(released, api(server))
    assert there(server) == here(released)
    assert {request.rpartition("/")[2] for request in server.requests(FILE)} == set(here(released)) - arrived
    assert len(server.deposits) == 1


def test_a_killed_upload_is_finished_by_the_next_call(server: Zenodo, released: Path) -> None:
    server.pace = 0.02
    call = [sys.executable, "-m", "jetimg", "publish", str(released), "--url", server.url]
    process = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (server.deposits and there(server)) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server.pace = 0.0
    arrived = set(there(server))
    assert arrived < set(here(released))
    server.log.clear()
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert there(server) == here(released)
    assert arrived.isdisjoint(request.rpartition("/")[2] for request in server.requests(FILE))
    assert TOKEN not in done.stdout + done.stderr


def test_a_file_changed_on_the_way_is_refused_then_sent_again(server: Zenodo, released: Path) -> None:
    server.faults = [(rf"{FILE}.*train-00000", "corrupt")]
    with pytest.raises(DataError, match=r"train-00000\.h5: .* has it with md5 .*, the release lists"):
        publishing.publish(released, api(server), final=True)
    assert not any(deposit.submitted for deposit in server.deposits.values())
    publishing.publish(released, api(server), final=True)
    assert there(server) == here(released)


def test_a_file_changed_since_the_release_is_never_published(server: Zenodo, released: Path) -> None:
    (released / "README.md").write_text("changed")
    with pytest.raises(DataError, match=r"README\.md: .*changed on the way or since the release was made"):
        publishing.publish(released, api(server), final=True)
    assert not any(deposit.submitted for deposit in server.deposits.values())


def test_a_new_release_replaces_the_drafts_files(server: Zenodo, released: Path) -> None:
    publishing.publish(released, api(server))
    (released / "extra.txt").write_text("one more")
    checksums.write(
        released, {name: checksums.of(released / name) for name in here(released) if "sums" not in name.lower()}
    )
    publishing.publish(released, api(server))
    assert there(server) == here(released)
    (released / "extra.txt").unlink()
    checksums.write(
        released, {name: checksums.of(released / name) for name in here(released) if "sums" not in name.lower()}
    )
    publishing.publish(released, api(server), final=True)
    assert there(server) == here(released)
    (released / "README.md").write_text("changed")
    checksums.write(
        released, {name: checksums.of(released / name) for name in here(released) if "sums" not in name.lower()}
    )
    with pytest.raises(DataError, match="is published and holds another release"):
        publishing.publish(released, api(server))


def test_a_lost_answer_to_publish_is_not_an_error(server: Zenodo, released: Path) -> None:
    server.faults = [("actions/publish", "lost")]
    (draft,) = publishing.publish(released, api(server), final=True)
    assert draft.published


def test_a_deleted_draft_is_made_anew(server: Zenodo, released: Path) -> None:
    publishing.publish(released, api(server))
    server.deposits.clear()
    publishing.publish(released, api(server))
    assert there(server) == here(released)


def test_what_is_not_a_whole_release_is_not_sent(server: Zenodo, released: Path, dataset: Path) -> None:
    with pytest.raises(DataError, match=r"no md5sums\.txt and SHA256SUMS: not a release"):
        publishing.publish(dataset, api(server))
    (released / "train-00000.h5").unlink()
    with pytest.raises(DataError, match=r"train-00000\.h5: listed and missing"):
        publishing.publish(released, api(server))
    assert server.log == []


def test_a_dry_run_needs_no_token_and_no_network(
    server: Zenodo, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZENODO_TOKEN")
    done = CliRunner().invoke(app, ["publish", str(released), "--dry-run", "--url", server.url])
    assert done.exit_code == 0, done.output
    assert all(name in done.output for name in here(released))
    assert server.log == []


def test_the_sandbox_is_the_default() -> None:
    assert address(production=False) == "https://sandbox.zenodo.org"
    assert address(production=True) == "https://zenodo.org"


def test_the_command_says_where_the_draft_is(server: Zenodo, released: Path, tmp_path: Path) -> None:
    call = ["publish", str(released), "--url", server.url, "--output", str(tmp_path / "deposits.json")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert f"10.5072/zenodo.1000, a draft; look at it: {server.url}/deposit/1000" in done.output
    (draft,) = json.loads((tmp_path / "deposits.json").read_text())
    assert (draft["id"], draft["published"]) == (1000, False)


@pytest.mark.parametrize("value", ["", "tiny#1", "two words in it", "line\nbreak-in-the-token"])
def test_a_wrong_token_is_the_calls_fault_and_not_quoted(
    server: Zenodo, released: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ZENODO_TOKEN", value)
    done = CliRunner().invoke(app, ["publish", str(released), "--url", server.url])
    assert done.exit_code == 2
    assert not value or value not in done.output


class TestTheTokenStandsNowhere:
    """Not in logs, messages, tracebacks (with locals), or files, even if the server quotes it."""

    def seen(self, caught: pytest.ExceptionInfo[BaseException]) -> str:
        report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        return "".join(report.format())

    def test_in_errors(self, server: Zenodo, released: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        for fault in (401, 403, 400, 500, "drop", "cut"):
            server.faults = [(FILE, fault)] * QUICK.tries
            with pytest.raises(DataError) as caught:
                publishing.publish(released, api(server))
            assert TOKEN not in self.seen(caught)
            if isinstance(fault, int):
                assert f"status {fault}" in str(caught.value)
                assert "Bearer ***" in str(caught.value)
        assert TOKEN not in caplog.text

    def test_in_files(self, server: Zenodo, released: Path, tmp_path: Path) -> None:
        publishing.publish(released, api(server), final=True)
        content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert TOKEN.encode() not in content

    def test_in_the_output_of_a_refused_call(
        self, server: Zenodo, released: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = "another-token-of-another-server"
        call = [sys.executable, "-m", "jetimg", "publish", str(released), "--url", server.url]
        environment = os.environ | {"ZENODO_TOKEN": other}
        done = subprocess.run(call, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "status 401" in done.stderr
        assert "ZENODO_TOKEN has to be a token of this server" in done.stderr
        assert other not in done.stdout + done.stderr

    def test_at_another_server(self, server: Zenodo, released: Path) -> None:
        """A server that names a place elsewhere for the files does not get the token sent there."""
        server.bucket_host = "http://127.0.0.1:9"
        with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9: the server wants the token sent there; refused"):
            publishing.publish(released, api(server))

    def test_unencrypted(self) -> None:
        with pytest.raises(DataError, match="not https"):
            Api("http://zenodo.org", SecretStr(TOKEN))

    def test_in_what_is_read_from_the_environment(self, server: Zenodo) -> None:
        assert TOKEN not in repr(token.read())
        assert token.read().get_secret_value() == TOKEN

    def test_over_a_netrc_file(
        self, server: Zenodo, released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """requests lets ~/.netrc win over a header; the token has to win over both."""
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password something\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        publishing.publish(released, api(server))
        assert there(server) == here(released)


CREATE = r"POST .*depositions$"


def test_a_draft_whose_answer_was_lost_is_found_again(server: Zenodo, released: Path) -> None:
    server.faults = [(CREATE, "lost")]
    (draft,) = publishing.publish(released, api(server))
    assert list(server.deposits) == [draft.id]
    assert there(server) == here(released)


def test_a_draft_is_found_after_its_number_was_lost_here(server: Zenodo, released: Path) -> None:
    for k in range(130):  # on the second page
        server.deposits[5000 + k] = Deposit(5000 + k, metadata={"title": "of somebody", "notes": "SHA256SUMS"})
    (draft,) = publishing.publish(released, api(server))
    publishing.state_file(released).unlink()
    before = set(server.deposits)
    server.deposits |= {6000 + k: Deposit(6000 + k) for k in range(130)}
    server.log.clear()
    assert [found.id for found in publishing.publish(released, api(server))] == [draft.id]
    assert before <= set(server.deposits)
    assert server.requests(FILE) == server.requests(CREATE) == []


def test_two_processes_at_once_agree_on_the_older_draft(server: Zenodo, released: Path) -> None:
    server.faults = [(CREATE, "race")]
    (draft,) = publishing.publish(released, api(server))
    assert list(server.deposits) == [draft.id] == [1000]


def test_a_server_that_takes_no_draft_is_not_asked_for_ever(server: Zenodo, released: Path) -> None:
    server.faults = [(CREATE, 503)] * 10
    with pytest.raises(DataError, match="status 503"):
        publishing.publish(released, api(server))
    assert len(server.requests(CREATE)) == QUICK.tries
    assert server.deposits == {}


def test_an_echoed_token_is_neither_stored_nor_printed(server: Zenodo, released: Path, tmp_path: Path) -> None:
    server.echo = TOKEN
    done = CliRunner().invoke(app, ["publish", str(released), "--url", server.url, "-o", str(tmp_path / "ids.json")])
    assert done.exit_code == 0, done.output
    state = publishing.state_file(released).read_text()
    for text in (done.output, state, (tmp_path / "ids.json").read_text()):
        assert TOKEN not in text
    assert "zenodo.1000***" in state


@pytest.mark.parametrize("request_", [r"GET .*depositions\?", CREATE, r"PUT .*depositions/\d+$", "GET .*/files$", FILE])
def test_a_page_in_place_of_an_answer_is_one_line(server: Zenodo, released: Path, request_: str) -> None:
    server.faults = [(request_, "html")]
    with pytest.raises(DataError, match=r"an answer that is not JSON \(text/html\)") as found:
        publishing.publish(released, api(server))
    assert "\n" not in str(found.value)
