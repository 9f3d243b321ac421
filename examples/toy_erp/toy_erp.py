"""A toy that answers as My ERP does, and has its troubles when told to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REFUSALS = {"broken": 500, "locked": 401, "full": 507}


class ToyErp(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.sales, self.told, self.outbox, self.trouble = {}, {}, {}, None
        self.lock, self.trouble_is_over = threading.Lock(), threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def sale(self, key, **_):
        return {"number": self.sales.setdefault(key, len(self.sales) + 1)}

    def find(self, key):
        return {"number": self.sales.get(key)}

    def event(self, key, reference, **told):
        row = self.outbox.get(reference)
        if row and key not in self.told and row["state"] not in ("waits", "done"):
            row.update(state=told["outcome"], word=told["word"])
        self.told[key] = told
        return {}

    def claim(self):
        for row in self.outbox.values():
            if row["state"] == "waits":
                row["state"] = "claimed"
                return row
        return {}

    def claims_lapse(self):
        for row in self.outbox.values():
            row["state"] = row["state"].replace("claimed", "waits")

    def taken(self, reference):
        if self.outbox[reference]["state"] == "claimed":
            self.outbox[reference]["state"] = "handed out"
        return {}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        toy, trouble, call = self.server, self.server.trouble, self.path[1:]
        if trouble in REFUSALS:
            self.answer(REFUSALS[trouble], "<html><h1>Ops</h1></html>")
            return
        if trouble == "slow":
            toy.trouble_is_over.wait()
        if trouble in ("down", "slow"):
            return
        with toy.lock:
            found = getattr(toy, call)(**body)
        if trouble == "held" and call == "sale":
            toy.trouble_is_over.wait()
        if trouble in ("lost", "held") and call == "sale":
            return
        self.answer(200, json.dumps(found))

    def answer(self, status, text):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass
