"""What the server's own routes answer: the door, files in ranges, uploads that go on, and what is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from dubbing.team.doors import Doors
from dubbing.team.uploads import Uploads
from tests.ui.factory import PASSWORD, Home
from tests.ui.served import Served, serving
from ui.hosts import LocalHosts
from ui.routes import all_routes
from ui.routes.uploads import BUFFER, PIECE
from ui.urls import SESSION_COOKIE, download_url, enter_url, file_url, is_local_path

BYTES = bytes(range(256)) * 40


@pytest.fixture
def home(open_home: Callable[..., Home]) -> Home:
    made = open_home(lines=3, names=("Harbour", "Other"))
    for project in made.projects:
        Path(project.source_path).write_bytes(BYTES)
    return made


@pytest.fixture
def server(home: Home) -> Iterator[Served]:
    with serving() as served:
        yield served


def ticket(home: Home, login: str = "ada") -> str:
    with home.workspace() as workspace:
        return Doors(workspace).sign_in(login, PASSWORD)


# the door ---------------------------------------------------------------------------------------------------------


def test_a_ticket_becomes_a_cookie_that_scripts_cannot_read_once(home: Home, server: Served) -> None:
    address = enter_url(ticket(home), "/review?project=p1&lang=es")
    entered = server.ask("GET", address)
    assert (entered.status, entered.headers["location"]) == (303, "/review?project=p1&lang=es")
    cookie = entered.headers["set-cookie"]
    name, _, rest = cookie.partition("=")
    flags = {flag.strip().lower() for flag in rest.split(";")[1:]}
    assert name == SESSION_COOKIE and {"httponly", "samesite=lax", "path=/"} <= flags and "secure" not in flags
    token = rest.split(";")[0]
    assert server.ask("GET", file_url(home.project.id, "source"), token=token).status == 200
    again = server.ask("GET", address)
    assert (again.status, again.headers["location"]) == (303, "/") and "set-cookie" not in again.headers


def test_the_cookie_is_secure_behind_https(home: Home, server: Served) -> None:
    entered = server.ask("GET", enter_url(ticket(home)), headers={"X-Forwarded-Proto": "https"})
    assert "secure" in entered.headers["set-cookie"].lower().split("; ")


def test_the_door_leads_nowhere_else(home: Home, server: Served) -> None:
    for to in ("//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nSet-Cookie: x=1", ""):
        assert not is_local_path(to)
        entered = server.ask("GET", enter_url(ticket(home), to))
        assert entered.headers["location"] == "/" and "x=1" not in str(entered.headers), to


def test_another_site_can_neither_sign_in_nor_out(home: Home, server: Served) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    refused = server.ask("GET", enter_url(ticket(home)), headers=foreign)
    assert refused.status == 403 and "set-cookie" not in refused.headers
    token = home.token()
    assert server.ask("GET", "/leave", token=token, headers=foreign).status == 403
    assert server.ask("GET", file_url(home.project.id, "source"), token=token).status == 200


def test_leaving_ends_the_session_on_the_server(home: Home, server: Served) -> None:
    token = home.token()
    left = server.ask("GET", "/leave", token=token, headers={"Sec-Fetch-Site": "same-origin"})
    assert left.status == 303 and f'{SESSION_COOKIE}=""' in left.headers["set-cookie"]
    assert server.ask("GET", file_url(home.project.id, "source"), token=token).status == 401


def test_health_tells_everybody_only_that_it_works(server: Served) -> None:
    answer = server.ask("GET", "/health", own=False)
    assert (answer.status, answer.json) == (200, {"status": "ok"})


# files ------------------------------------------------------------------------------------------------------------


def test_a_file_comes_whole_and_in_ranges(home: Home, server: Served) -> None:
    address, token = file_url(home.project.id, "source"), home.token()
    whole = server.ask("GET", address, token=token)
    assert (whole.status, whole.body) == (200, BYTES) and whole.headers["accept-ranges"] == "bytes"
    for asked, first, last in (("0-0", 0, 0), ("100-299", 100, 299), ("10000-", 10_000, len(BYTES) - 1),
                               ("-5", len(BYTES) - 5, len(BYTES) - 1), ("10-999999", 10, len(BYTES) - 1)):
        part = server.ask("GET", address, token=token, headers={"Range": f"bytes={asked}"})
        assert (part.status, part.body) == (206, BYTES[first:last + 1]), asked
        assert part.headers["content-range"] == f"bytes {first}-{last}/{len(BYTES)}"
    beyond = server.ask("GET", address, token=token, headers={"Range": f"bytes={len(BYTES)}-"})
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{len(BYTES)}")
    head = server.ask("HEAD", address, token=token)
    assert (head.status, head.headers["content-length"], head.body) == (200, str(len(BYTES)), b"")


def test_a_browser_keeps_a_file_until_it_changes(home: Home, server: Served) -> None:
    address, token = file_url(home.project.id, "source"), home.token()
    first = server.ask("GET", address, token=token)
    assert first.headers["cache-control"] == "private, no-cache"
    same = server.ask("GET", address, token=token, headers={"If-None-Match": first.headers["etag"]})
    assert (same.status, same.body) == (304, b"")
    Path(home.project.source_path).write_bytes(BYTES + b"!")
    changed = server.ask("GET", address, token=token,
                         headers={"If-None-Match": first.headers["etag"], "If-Range": first.headers["etag"],
                                  "Range": "bytes=0-3"})
    assert (changed.status, len(changed.body)) == (200, len(BYTES) + 1), "a range of another version makes no file"
    versioned = server.ask("GET", file_url(home.project.id, "source", v="7"), token=token)
    assert "immutable" in versioned.headers["cache-control"] and "private" in versioned.headers["cache-control"]


def test_what_is_sent_cannot_act_as_a_page(home: Home, server: Served) -> None:
    shown = server.ask("GET", file_url(home.project.id, "source"), token=home.token())
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"] and shown.headers["content-type"] == "video/mp4"
    assert shown.headers["content-disposition"].startswith("inline")
    kept = server.ask("GET", download_url(home.project.id, "source"), token=home.token())
    assert kept.headers["content-disposition"].startswith("attachment; filename")


def test_files_are_for_those_who_may_see_the_project(home: Home, server: Served) -> None:
    first, second = (file_url(project.id, "source") for project in home.projects)
    assert server.ask("GET", first).status == 401
    assert server.ask("GET", first, token="made-up").status == 401
    assert server.ask("GET", first, token=home.token("clara")).status == 200
    refused = server.ask("GET", second, token=home.token("clara"))
    assert refused.status == 403 and BYTES not in refused.body and "error" in refused.json


TRICKS = (
    "nonsense", "take/unknown", "export/unknown", "peaks", "source/../../../../../etc/passwd",
    "take/" + quote("../../../dubbing.db", safe=""), "take/..%2f..%2f..%2fdubbing.db", "take/%2fetc%2fpasswd",
    "take/%00", "export/C:%5Cwindows%5Cwin.ini", "peaks/dub/" + quote("../../x", safe=""), "face/%2e%2e", "dub/.",
    "speaker/" + quote("../../../dubbing.db", safe=""), "face/" + quote("../poster", safe=""),
)


def test_no_part_of_a_path_comes_from_the_request(home: Home, server: Served) -> None:
    token = home.token()
    for rest in TRICKS:
        answer = server.ask("GET", f"/files/{home.project.id}/{rest}", token=token)
        assert answer.status in (400, 403, 404), (rest, answer)
        assert b"SQLite" not in answer.body and b"root:" not in answer.body


def test_an_unknown_project_is_not_there(home: Home, server: Served) -> None:
    assert server.ask("GET", file_url("no-such-project", "source"), token=home.token()).status in (403, 404)


def test_a_file_that_is_gone_is_said_to_be(home: Home, server: Served) -> None:
    Path(home.project.source_path).unlink()
    answer = server.ask("GET", file_url(home.project.id, "source"), token=home.token())
    assert answer.status == 404 and answer.json["error"]


# uploads ----------------------------------------------------------------------------------------------------------


def begun(server: Served, token: str, size: int = len(BYTES), **rest: object) -> str:
    answer = server.post("/uploads", {"name": "clip.mp4", "size": size, "purpose": "video", **rest}, token=token)
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


def piece(server: Served, token: str, upload: str, offset: int, body: bytes) -> tuple[int, int]:
    answer = server.ask("PATCH", f"/uploads/{upload}", body, token=token, headers={"Upload-Offset": str(offset)})
    return answer.status, answer.json.get("received", -1)


def test_an_upload_in_pieces_goes_on_where_it_stopped(home: Home, server: Served) -> None:
    token = home.token("pablo")
    upload = begun(server, token)
    assert piece(server, token, upload, 0, BYTES[:1000]) == (200, 1000)
    assert piece(server, token, upload, 0, BYTES[:1000]) == (409, 1000), "sent twice, it is told where it goes on"
    assert piece(server, token, upload, 5000, BYTES[5000:]) == (409, 1000), "nothing may be left out"
    asked = server.ask("GET", f"/uploads/{upload}", token=token)
    assert asked.json["received"] == 1000 and asked.headers["upload-offset"] == "1000"
    assert server.ask("POST", f"/uploads/{upload}/finish", token=token).status == 422, "not all of it is there"
    assert piece(server, token, upload, 1000, BYTES[1000:]) == (200, len(BYTES))
    finished = server.ask("POST", f"/uploads/{upload}/finish", token=token)
    assert finished.status == 200 and finished.json["finished"]
    with home.desk("pablo") as desk:
        (mine,) = desk.uploads.mine()
        assert Path(desk.uploads.finished(mine.id, "video").path).read_bytes() == BYTES


def test_what_arrived_before_the_connection_broke_is_kept(home: Home, server: Served) -> None:
    token = home.token()
    body = bytes(BUFFER + 5000)
    upload = begun(server, token, len(body))
    server.break_off(f"/uploads/{upload}", token, 0, len(body), body[:BUFFER + 1000])
    until, received = time.monotonic() + 10, 0
    while received < BUFFER and time.monotonic() < until:
        time.sleep(0.05)
        received = server.ask("GET", f"/uploads/{upload}", token=token).json["received"]
    assert BUFFER <= received <= BUFFER + 1000
    assert piece(server, token, upload, received, body[received:]) == (200, len(body))


def test_writes_need_the_header_of_our_own_pages(home: Home, server: Served) -> None:
    token = home.token()
    upload = begun(server, token)
    for method, path in (("POST", "/uploads"), ("PATCH", f"/uploads/{upload}"), ("DELETE", f"/uploads/{upload}"),
                         ("POST", f"/uploads/{upload}/finish")):
        assert server.ask(method, path, b"{}", token=token, own=False).status == 403, (method, path)
        foreign = server.ask(method, path, b"{}", token=token, headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status == 403, (method, path)
    assert server.ask("GET", f"/uploads/{upload}", token=token).json["received"] == 0
    preflight = server.ask("OPTIONS", "/uploads", headers={
        "Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-dubbing"})
    assert "access-control-allow-origin" not in preflight.headers


def test_uploads_belong_to_their_owner(home: Home, server: Served) -> None:
    upload = begun(server, home.token("pablo"))
    for login, status in (("clara", 404), ("tomas", 404)):
        assert server.ask("GET", f"/uploads/{upload}", token=home.token(login)).status == status
    assert piece(server, home.token("clara"), upload, 0, b"x")[0] == 422
    assert server.ask("GET", f"/uploads/{upload}").status == 401
    assert server.post("/uploads", {"name": "a.mp4", "size": 5}, token=home.token("clara")).status == 403
    assert server.ask("DELETE", f"/uploads/{upload}", token=home.token("pablo")).status == 204
    assert server.ask("GET", f"/uploads/{upload}", token=home.token("pablo")).status == 404


def test_an_upload_that_makes_no_sense_is_refused_with_a_sentence(home: Home, server: Served) -> None:
    token = home.token()
    for wrong in ({}, {"name": "a.mp4"}, {"name": "a.mp4", "size": 0}, {"name": "a.mp4", "size": -1},
                  {"name": "a.mp4", "size": "9"}, {"name": 1, "size": 9}, [], "text"):
        assert server.post("/uploads", wrong, token=token).status == 400, wrong
    assert server.ask("POST", "/uploads", b"{not json", token=token).status == 400
    assert server.post("/uploads", {"name": "a.mp4", "size": 9, "purpose": "odd"}, token=token).status == 422
    upload = begun(server, token, 4)
    assert server.ask("PATCH", f"/uploads/{upload}", b"x", token=token).status == 400, "without an offset"
    assert server.ask("PATCH", f"/uploads/{upload}", b"x", token=token, headers={"Upload-Offset": "-1"}).status == 400
    assert piece(server, token, upload, 0, b"12345") == (422, -1), "more than was announced"
    too_long = server.ask("PATCH", f"/uploads/{upload}", bytes(PIECE + 1), token=token, headers={"Upload-Offset": "0"})
    assert too_long.status == 413 and too_long.json["error"]


def test_a_name_is_never_a_path(home: Home, server: Served) -> None:
    for name in ("../../etc/passwd", "C:\\windows\\x.mp4", "/abs/olute.mp4", "a\x00b.mp4", "." * 300 + ".mp4"):
        upload = begun(server, home.token(), name=name)
        with home.workspace() as workspace:
            path = workspace.storage.uploads.get(upload).path.resolve()
        assert path.is_relative_to((home.path / "home" / "uploads").resolve()) and path.is_file()


def test_a_slow_disk_holds_up_nobody_else(home: Home, server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    token, writing, go_on = home.token(), threading.Event(), threading.Event()
    upload = begun(server, token)
    append = Uploads.append

    def slow(self: Uploads, *arguments: object) -> object:
        writing.set()
        assert go_on.wait(20)
        return append(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Uploads, "append", slow)
    sender = threading.Thread(target=piece, args=(server, token, upload, 0, BYTES))
    sender.start()
    assert writing.wait(10)
    assert server.ask("GET", "/health").status == 200, "the server answers while a piece is being written"
    go_on.set()
    sender.join(10)
    assert server.ask("GET", f"/uploads/{upload}", token=token).json["received"] == len(BYTES)


# a workspace without sign-in --------------------------------------------------------------------------------------


def test_a_single_user_server_answers_to_this_machine_only(open_home: Callable[..., Home]) -> None:
    home = open_home(lines=1, people=False, single_user=True)
    Path(home.project.source_path).write_bytes(BYTES)
    with serving(Starlette(routes=all_routes(), middleware=[Middleware(LocalHosts)])) as server:
        address = file_url(home.project.id, "source")
        for name in ("localhost", f"localhost:{server.port}", "127.0.0.1:8501", "[::1]:8501", "[::1]", "LOCALHOST"):
            assert server.ask("GET", address, headers={"Host": name}).status == 200, name
        for name in ("evil.example", "evil.example:8501", "127.0.0.1.evil.example", "localhost@evil.example", ""):
            assert server.ask("GET", address, headers={"Host": name}).status == 400, name
