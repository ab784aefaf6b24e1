"""Runs gcp-storage-emulator with what Google's store does and it does not.

That is: generations as conditions and as versions, HEAD, a limit of size in a header, pages of lists,
uploads that break off leaving nothing, and more than one connection at a time.
Arguments: port, directory of the data, name of the first bucket.
"""

import io
import json
import re
import sys
import threading
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from gcp_storage_emulator import server
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import buckets
from gcp_storage_emulator.storage import Storage

NOT_MET = "At least one of the pre-conditions you specified did not hold."
JSON_OBJECT = re.compile(r"(?:/download)?(?:/storage/v1)?/b/([^/]+)/o/([^/]+)")
JSON_COPY = re.compile(r"(?:/storage/v1)?/b/([^/]+)/o/([^/]+)/(?:copyTo|rewriteTo)/b/([^/]+)/o/([^/]+)")
JSON_UPLOAD = re.compile(r"(?:/upload)?/storage/v1/b/([^/]+)/o")
XML_OBJECT = re.compile(r"/([^/]+)/(.+)")

# It unpacks bodies that call themselves gzip, and knows no empty ones.
server._decode_raw_data = lambda raw, _: raw
read_data = server._read_data
server._read_data = lambda *arguments: b"" if (data := read_data(*arguments)) is None else data


class Refused(Exception):
    def __init__(self, status, code, message):
        self.status, self.code, self.message = status, code, message


class Handler(server.RequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    written = None

    def do_GET(self):
        self.serve()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET

    def serve(self):
        body = self.read_body()
        if body is None:
            return
        url = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(url.query).items()}
        outside = self.rfile, self.wfile
        self.rfile, self.wfile = io.BytesIO(body), io.BytesIO()
        try:
            with self.lock:
                self.find(url.path, body)
                try:
                    self.check(len(body))
                    server.Router(self).handle("GET" if self.command == "HEAD" else self.command)
                except Refused as refused:
                    self.refuse(refused)
                answer = self.wfile.getvalue()
        finally:
            self.rfile, self.wfile = outside
        if self.command == "HEAD":
            answer = answer[: answer.index(b"\r\n\r\n") + 4]
        self.wfile.write(answer)

    def read_body(self):
        """Returns the whole body, or nothing when the connection ended before it."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                chunk = self.rfile.read(size)
                if len(chunk) < size:
                    self.close_connection = True
                    return None
                body += chunk
                self.rfile.readline()
            self.rfile.readline()
            del self.headers["Transfer-Encoding"]
            self.headers["Content-Length"] = str(len(body))
            return body
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        if len(body) < size:
            self.close_connection = True
            return None
        return body

    def find(self, path, body):
        """Tells which object the request is about, and which it copies."""
        self.json_api, self.object, self.source = True, None, None
        if match := JSON_COPY.fullmatch(path):
            names = [unquote(name) for name in match.groups()]
            self.source, self.object = names[:2], names[2:]
        elif match := JSON_OBJECT.fullmatch(path):
            self.object = [unquote(name) for name in match.groups()]
        elif match := JSON_UPLOAD.fullmatch(path):
            name = self.query.get("name")
            if self.command == "POST" and name is None and (found := re.search(rb'"name"\s*:\s*("[^"]*")', body)):
                name = json.loads(found[1])
            self.object = [unquote(match[1]), name] if name else None
        elif not path.startswith(("/b/", "/storage/")) and (match := XML_OBJECT.fullmatch(path)):
            self.json_api, self.object = False, [unquote(name) for name in match.groups()]

    def generations(self, names):
        try:
            found = self.storage.get_file_obj(*names)
            return found["generation"], found["metageneration"]
        except NotFound:
            return "0", "0"

    def check(self, size):
        if self.object is None:
            return
        changes = self.command not in ("GET", "HEAD")
        generation, metageneration = self.generations(self.object)
        self.compare("", generation, metageneration, changes)
        if self.query.get("generation", generation) != generation:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        if self.source:
            generation, metageneration = self.generations(self.source)
            self.compare("Source", generation, metageneration, True)
            if self.query.get("sourceGeneration", generation) != generation:
                raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        if limits := self.headers.get("x-goog-content-length-range"):
            smallest, largest = (int(limit) for limit in limits.split(","))
            if size < smallest:
                raise Refused(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum.")
            if size > largest:
                raise Refused(400, "EntityTooLarge", "Your proposed upload exceeds the maximum.")

    def compare(self, kind, generation, metageneration, changes):
        for what, actual in ("Generation", generation), ("Metageneration", metageneration):
            for want in "Match", "NotMatch":
                expected = self.query.get(f"if{kind}{what}{want}")
                if expected is None and not kind and want == "Match":
                    expected = self.headers.get(f"x-goog-if-{what.lower()}-match")
                if expected is not None and (expected == actual) != (want == "Match"):
                    raise Refused(412 if changes or want == "Match" else 304, "PreconditionFailed", NOT_MET)

    def refuse(self, refused):
        if self.json_api:
            reason = {404: "notFound", 412: "conditionNotMet"}.get(refused.status, "invalid")
            error = {"code": refused.status, "message": refused.message}
            error["errors"] = [{"domain": "global", "reason": reason, "message": refused.message}]
            kind, body = "application/json", json.dumps({"error": error})
        else:
            body = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{}</Code><Message>{}</Message></Error>"
            kind, body = "application/xml", body.format(refused.code, refused.message)
        body = b"" if refused.status == 304 else body.encode()
        self.send_response(refused.status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_response(self, code, message=None):
        self.code = code
        super().send_response(code, message)

    def end_headers(self):
        """Says which version it was, as every answer about an object's content does."""
        if self.object and self.code in (200, 206) and self.command in ("GET", "HEAD", "PUT"):
            try:
                found = self.storage.get_file_obj(*self.object)
            except NotFound:
                pass
            else:
                self.send_header("x-goog-generation", found["generation"])
                self.send_header("x-goog-metageneration", found["metageneration"])
                self.send_header("x-goog-stored-content-length", found["size"])
                self.send_header("ETag", '"{}"'.format(found["etag"]))
        super().end_headers()


class Response(server.Response):
    """Cuts lists of objects into pages."""

    def json(self, answer):
        if answer.get("kind") == "storage#objects":
            query = self._handler.query
            items = sorted(answer["items"], key=lambda item: item["name"])
            items = [item for item in items if item["name"] > query.get("pageToken", "")]
            size = min(int(query.get("maxResults", 1000)), 1000)
            if len(items) > size:
                answer["nextPageToken"] = items[size - 1]["name"]
            answer["items"] = items[:size]
        super().json(answer)


server.Response = Response


def main(port, directory, bucket):
    storage = Storage(data_dir=directory)
    if storage.get_bucket(bucket) is None:
        buckets.create_bucket(bucket, storage)
    httpd = ThreadingHTTPServer(("127.0.0.1", int(port)), lambda *arguments: Handler(storage, *arguments))
    httpd.daemon_threads = True
    httpd.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
