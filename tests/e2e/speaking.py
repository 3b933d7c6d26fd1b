"""A tab without a browser: speaks Streamlit's protocol over a websocket, at little cost."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

#: Bytes of a message from the server that are taken.
LARGEST = 64_000_000


def socket(address: str, **options: Any) -> ClientConnection:
    """Open the stream as a page of the server does; `options` stand in the place of its own."""
    usual = {
        "origin": address,
        "subprotocols": ["streamlit"],
        "max_size": LARGEST,
        "compression": None,
        "proxy": None,
        "open_timeout": 30,
    }
    return connect(f"{address.replace('http', 'ws')}/_stcore/stream", **usual | options)


class Answer(NamedTuple):
    """What came of asking.

    Attributes
    ----------
    seconds : until the script had finished and, where runs were on their way, had shown them.
    first : until the script had finished for the first time, with or without results.
    sampled : whether runs were on their way.
    """

    seconds: float
    first: float
    sampled: bool


class Tab:
    """One session of a server: moves widgets by key, and reads what the page then holds."""

    def __init__(self, address: str, query: str = "", page: str = "") -> None:
        self._open = ExitStack()
        self._socket = self._open.enter_context(socket(address))
        self._page, self.query = page, query
        self._hash = ""
        self._values: dict[str, WidgetState] = {}
        self._fragment: tuple[str, float, float] | None = None  # id, interval, when it is due
        self._texts: dict[str, str] = {}
        #: Elements of the page by place, in the order in which they came.
        self.elements: dict[tuple[int, ...], Any] = {}

    def close(self) -> None:
        """Close the tab."""
        self._open.close()

    def open(self, patience: float = 120) -> Answer:
        """Visit the page."""
        return self._ask(patience)

    def move(self, key: str, value: Any, patience: float = 120) -> Answer:
        """Give the widget of a key a value, as its slider, field or button in the page does."""
        self._set(key, value)
        answer = self._ask(patience)
        if self.element(key).WhichOneof("type") == "button":
            del self._values[_id(self.element(key))]
        return answer

    def drag(self, key: str, values: Sequence[Any], each: float, patience: float = 120) -> Answer:
        """Give a widget one value after another, so many seconds each; wait for the last."""
        for value in values[:-1]:
            self._set(key, value)
            self._send()
            time.sleep(each)
        self._set(key, values[-1])
        return self._ask(patience, self._id(key))

    def _set(self, key: str, value: Any) -> None:
        state = WidgetState(id=self._id(key))
        kind = self.element(key).WhichOneof("type")
        if kind == "slider":
            slider = self.element(key).slider
            if slider.options:
                state.string_array_value.data.append(str(value))
            else:
                state.double_array_value.data.append(value)
        elif kind == "number_input":
            state.double_value = value
        elif kind == "button":
            state.trigger_value = True
        elif kind == "checkbox":
            state.bool_value = value
        else:
            state.string_array_value.data.append(str(value))
        self._values[state.id] = state

    def element(self, key: str) -> Any:
        """Find a widget by its key."""
        return next(e for e in self.elements.values() if _id(e).endswith(f"-{key}"))

    def text(self, key: str) -> str:
        """Read the text field of a key: its text comes when it changes, and stays."""
        return self._texts.get(self._id(key), self.element(key).text_area.default)

    def texts(self, kind: str) -> list[str]:
        """Everything that elements of a kind say: "alert", "markdown", "exception", ..."""
        found = [getattr(e, kind) for e in self.elements.values() if e.WhichOneof("type") == kind]
        return [getattr(one, "body", "") or getattr(one, "message", "") for one in found]

    def _id(self, key: str) -> str:
        return _id(self.element(key))

    def _ask(self, patience: float) -> Answer:
        began, self._fragment = time.monotonic(), None
        self._send()
        first, sampled = None, False
        for message in self._messages(began + patience):
            kind = message.WhichOneof("type")
            self._take(kind, message)
            if (
                kind == "script_finished"
                and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                first = first or time.monotonic() - began
                if self._fragment is None and not self._running_fragment:
                    return Answer(time.monotonic() - began, first, sampled)
                sampled = True
        raise TimeoutError(f"no answer within {patience:g} s")

    def _messages(self, until: float) -> Iterator[ForwardMsg]:
        while (now := time.monotonic()) < until:
            wait = until - now
            if self._fragment is not None:
                wait = min(wait, self._fragment[2] - now)
            if wait <= 0 and self._fragment is not None:
                name, interval, _ = self._fragment
                self._fragment = name, interval, now + interval
                self._send(fragment=name)
                continue
            try:
                message = ForwardMsg.FromString(self._socket.recv(timeout=max(wait, 0.001)))
            except TimeoutError:
                continue
            yield message

    def _take(self, kind: str | None, message: ForwardMsg) -> None:
        if kind == "new_session":
            self._hash = message.new_session.page_script_hash
            self._running_fragment = bool(message.metadata.run.fragment_ids)
            if not self._running_fragment:
                self.elements.clear()
                self._fragment = None
        elif kind == "auto_rerun":
            interval = message.auto_rerun.interval
            self._fragment = message.auto_rerun.fragment_id, interval, time.monotonic() + interval
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            self.elements[tuple(message.metadata.delta_path)] = element
            if element.WhichOneof("type") == "text_area" and element.text_area.set_value:
                self._texts[element.text_area.id] = element.text_area.value

    def _send(self, fragment: str = "") -> None:
        ask = BackMsg()
        state = ask.rerun_script
        state.query_string, state.page_name, state.page_script_hash = (
            self.query, self._page if not self._hash else "", self._hash
        )  # fmt: skip
        if fragment:
            state.fragment_id, state.is_auto_rerun = fragment, True
        state.widget_states.widgets.extend(self._values.values())
        self._socket.send(ask.SerializeToString())

    _running_fragment = False


def _id(element: Any) -> str:
    kind = element.WhichOneof("type")
    return getattr(getattr(element, kind), "id", "") if kind else ""
