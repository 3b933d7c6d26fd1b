"""Several sessions at once on one server: each sees only its own, and nothing goes wrong."""

import threading

from benchmarks.sessions import Session
from tests.e2e import browser as drive


def test_sessions_do_not_meet(tmp_path):
    with drive.server(tmp_path) as address:
        found = [Session(100 + k, looks=(0.0, 0.1), query="w=50&k=50&c=2") for k in range(4)]
        threads = [threading.Thread(target=one.work, args=(address, 25.0)) for one in found]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(500)
        assert [one.errors + one.wrong for one in found] == [[]] * 4
        assert all(sum(map(len, one.answers.values())) >= 2 for one in found)
    said = (tmp_path / "server.log").read_text()
    assert "Traceback" not in said, said
