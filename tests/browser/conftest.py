"""A real browser: Debian's Chromium without a window, spoken to over its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import time

import pytest
from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WAIT_S = 60.0  # s; a browser starts slowly on a busy machine
FLAGS = [
    "--headless",
    "--no-sandbox",  # root needs it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
]


class Page:
    """One tab: what it logged, what it asked the network for, and what it answers."""

    def __init__(self, socket):
        self.socket = socket
        self.ids = itertools.count(1)
        self.session = None
        self.errors = []  # console errors, exceptions, refused requests
        self.requests = []  # addresses asked for
        self.loaded = False

    def call(self, method, **params):
        """Send a command and return its result."""
        number = next(self.ids)
        command = {"id": number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        self.socket.send(json.dumps(command))
        while True:
            message = self.receive()
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    def receive(self):
        message = json.loads(self.socket.recv(timeout=WAIT_S))
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
                self.errors.append(str(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in {"error", "warning"}:
                if "getImageData" not in params["entry"]["text"]:  # the tests' own reading
                    self.errors.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Page.loadEventFired":
                self.loaded = True
        return message

    def open(self, url, width=1300, height=1700):
        """Load an address and wait for it."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.size(width, height)
        self.loaded = False
        self.call("Page.navigate", url=url)
        while not self.loaded:
            self.receive()
        self.settle()

    def size(self, width, height):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def dark(self, *, on):
        """Say that the user prefers dark, or light, colours."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if on else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def settle(self):
        """Wait until what is due has been drawn."""
        self.run("new Promise(ok => requestAnimationFrame(() => requestAnimationFrame(ok)))")

    def run(self, script):
        """Evaluate JavaScript and return its value."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, start, end):
        """Press at one point, release at another."""
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start, button="left", clickCount=1)
        self.mouse("mouseMoved", *end, button="left", buttons=1)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)
        self.settle()

    def key(self, key):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def picture(self, path):
        """Save what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextlib.contextmanager
def chromium(program, folder):
    """Run a browser with a fresh profile; yield its DevTools address."""
    command = [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        said = folder / "DevToolsActivePort"
        end = time.monotonic() + WAIT_S
        while not (said.exists() and said.read_text().count("\n") >= 1):
            assert process.poll() is None, f"{program} ended with {process.returncode}"
            assert time.monotonic() < end, f"{program} did not start in {WAIT_S:g} s"
            time.sleep(0.05)
        port, path = said.read_text().split()
        yield f"ws://127.0.0.1:{port}{path}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Return the DevTools address of a running browser."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("needs Chromium, found none on PATH; apt-get install chromium")
    with chromium(program, tmp_path_factory.mktemp("profile")) as address:
        yield address


@pytest.fixture
def page(browser):
    """Return an empty tab."""
    with connect(browser, max_size=None, proxy=None) as socket:
        yield Page(socket)
