"""Problems that several callers are answered with."""

from multidict import CIMultiDict

from federation.http import Problem


def test_what_one_caller_is_told_besides_is_not_told_to_the_next() -> None:
    shared = Problem(416, "range_not_satisfiable", "The range lies outside.", headers={"Content-Range": "bytes */9"})

    first = shared.with_headers(CIMultiDict({"Set-Cookie": "session=a"}))
    second = shared.with_headers(CIMultiDict({"Set-Cookie": "session=b"}))

    assert list(first.response().headers.getall("Set-Cookie")) == ["session=a"]
    assert list(second.response().headers.getall("Set-Cookie")) == ["session=b"]
    assert "Set-Cookie" not in shared.response().headers
    assert {each.response().headers["Content-Range"] for each in (shared, first, second)} == {"bytes */9"}
