"""Nobody gets in: hosts, origins, sizes and paths, asked of a real server without a browser."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.e2e import browser as drive
from tests.e2e.speaking import Tab, socket


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def address(place):
    with drive.server(place, HBDASH_RUNS_A_MINUTE="4") as address:
        yield address


def request(address: str, verb: str, path: str, body: bytes = b"", **headers: str):
    there = urlsplit(address)
    connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=240)
    try:
        connection.request(verb, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_page_of_this_server_is_let_in(address):
    with socket(address) as stream:
        stream.ping().wait(10)
    assert request(address, "GET", "/_stcore/health")[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.invalid", "https://127.0.0.1.evil.invalid", "null", "file://"]
)
def test_another_site_s_page_is_not(address, origin):
    with pytest.raises(InvalidHandshake):
        socket(address, origin=origin)


@pytest.mark.parametrize("host", ["evil.invalid", "127.0.0.1.evil.invalid", "a@127.0.0.1"])
def test_another_name_of_this_server_is_not(address, host):
    port = urlsplit(address).port
    key = {"Sec_WebSocket_Version": "13", "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    asks = {"Connection": "Upgrade", "Upgrade": "websocket", "Host": f"{host}:{port}"}
    assert request(address, "GET", "/_stcore/stream", **asks, **key)[0] == 403


def test_a_message_of_more_than_20_mb_ends_the_connection(address):
    with socket(address) as stream:
        ask = BackMsg()
        ask.rerun_script.widget_states.widgets.add(id="w", string_value="x" * 21 * 2**20)
        with pytest.raises(ConnectionClosed) as closed:
            stream.send(ask.SerializeToString())
            while True:
                stream.recv(timeout=120)
        assert closed.value.rcvd is None or closed.value.rcvd.code in (1002, 1009)


def test_a_message_that_is_none_ends_the_connection_and_nothing_else(address):
    with socket(address) as stream, pytest.raises(ConnectionClosed):
        stream.send(b"\xff" * 100)
        while True:
            stream.recv(timeout=120)
    assert request(address, "GET", "/_stcore/health")[0] == 200


def test_an_upload_needs_a_session_and_its_token(address):
    path = "/_stcore/upload_file/no-session/no-file"
    assert request(address, "PUT", path, b"x" * 10)[0] in (400, 401, 403)


def test_an_upload_above_50_mb_is_refused_and_leaves_nothing(tab, address, place, tmp_path):
    table = tmp_path / "large.csv"
    table.write_bytes(b"group,value\n" + b"county,1.25\n" * 4_700_000)
    assert table.stat().st_size > 50 * 2**20
    tab.goto(f"{address}/?v=1&d=simulated&w=50&k=50&c=2")
    drive.wait_for_results(tab)
    tab.get_by_text("Upload", exact=True).first.click()
    field = tab.locator("[data-testid=stFileUploader] input[type=file]").first
    field.set_input_files(table)
    tab.get_by_text("File must be 50.0MB or smaller.").wait_for()
    drive.idle(tab)
    assert not tab.locator("[data-testid=stException]").count()
    assert not (place / "data").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/../app.py",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/static/../../app.py",
        "/media/../app.py",
        "/app/static/../app.py",
        "/_stcore/../.streamlit/config.toml",
        "//etc/passwd",
    ],
)
def test_paths_lead_to_no_file(address, path):
    _, body = request(address, "GET", path)
    assert b"hbdash.ui.frame" not in body and b"root:" not in body and b"allowedHosts" not in body


@pytest.mark.parametrize("sha256", ["../../etc/passwd", "0" * 64, "%00", "..%2f..", "a" * 63])
def test_a_link_to_an_upload_leads_to_no_file(address, sha256):
    tab = Tab(address, f"v=1&d=uploaded&up={sha256}&w=20&k=20&c=1")
    try:
        tab.open()
        assert not tab.texts("exception")
        assert any("store" in said or "hash" in said for said in tab.texts("alert"))
    finally:
        tab.close()


def test_a_session_is_told_when_it_asks_for_too_much(address):
    tab, other = (Tab(address, f"v=1&d=simulated&w=20&k=20&c=1&rs={seed}") for seed in (1, 2))
    try:
        tab.open()
        tab.move("w.tau", 1.25)
        tab.move("w.tau", 2.25)
        assert any("4 runs a minute" in said for said in tab.texts("alert")), tab.texts("alert")
        other.open()
        assert not any("a minute" in said for said in other.texts("alert"))
        tab.move("w.tau", 1.25)  # what is answered costs nothing
        assert not any("a minute" in said for said in tab.texts("alert"))
        assert json.loads(tab.text("json_text"))["data"]["tau"] == 1.25
    finally:
        tab.close()
        other.close()
