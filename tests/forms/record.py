#!/usr/bin/env python3
"""Has Stripe's Python SDK make the requests of `requests.json`, and writes down what it sent.

    python3 -m venv VENV && VENV/bin/pip install stripe==16.1.0
    VENV/bin/python record.py            # writes the answers into requests.json
    VENV/bin/python record.py --check    # says what is different, and fails

Nothing leaves the machine: the SDK is told that Stripe is a server on loopback, which this program is too.
A case is {"call": the SDK's method, "ids": its ids, "params": its parameters}; in these, {"$time": seconds} is a
datetime and {"$decimal": text} a Decimal. What is written is "method", "path" and "sent", the query or the body.
"""

import datetime
import decimal
import functools
import http.server
import json
import pathlib
import sys
import threading

import stripe

FILE = pathlib.Path(__file__).with_name("requests.json")


class Recorder(http.server.BaseHTTPRequestHandler):
    """Keeps the last request, and answers with nothing much."""

    last = None

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        path, _, query = self.path.partition("?")
        Recorder.last = {"method": self.command, "path": path, "sent": body or query}
        reply = b'{"id": "x", "object": "x", "data": [], "has_more": false}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


def value(given):
    """A parameter as a Python program would give it."""
    if isinstance(given, dict):
        if set(given) == {"$time"}:
            return datetime.datetime.fromtimestamp(given["$time"], datetime.timezone.utc)
        if set(given) == {"$decimal"}:
            return decimal.Decimal(given["$decimal"])
        return {key: value(inner) for key, inner in given.items()}
    if isinstance(given, list):
        return [value(inner) for inner in given]
    return given


def record(client, case):
    method = functools.reduce(getattr, case["call"].split("."), client)
    Recorder.last = None
    method(*case.get("ids", []), params=value(case["params"]))
    return {**case, **Recorder.last}


def main():
    server = http.server.HTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    stripe.enable_telemetry = False
    client = stripe.StripeClient(
        "sk_test_12345", base_addresses={"api": base, "files": base}, max_network_retries=0
    )
    before = json.loads(FILE.read_text())
    cases = [record(client, case) for case in before["cases"]]
    after = {"sdk": f"stripe-python {stripe.VERSION}", "cases": cases}
    if "--check" in sys.argv:
        differences = [
            f"{old['call']}: {old.get('sent')} became {new['sent']}"
            for old, new in zip(before["cases"], cases)
            if old != new
        ]
        print("\n".join(differences) or f"{len(cases)} requests are as recorded")
        sys.exit(bool(differences))
    FILE.write_text(json.dumps(after, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(cases)} requests recorded")


if __name__ == "__main__":
    main()
