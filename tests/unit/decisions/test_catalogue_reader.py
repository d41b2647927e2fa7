"""A catalogue from CSV, JSON lines or JSON: good rows count, bad ones are named."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.decisions import catalogue_reader
from edgeseg.decisions.catalogue_reader import MAX_PROBLEMS, read_catalogue
from edgeseg.errors import InputError, TooLargeError

HEADER = "id,name,url,price,category,in_stock,added\n"
GOOD = '{"id": "m", "name": "Mug", "url": "/m"}'


def problems_of(text: str, name: str = "c.csv") -> list[tuple[int, str]]:
    """Answer line and message of each problem."""
    return [(each.line, each.message) for each in read_catalogue(text, name).problems]


def test_a_row_of_csv_is_a_product_with_typed_fields() -> None:
    """Numbers, flags and dates are no texts; what is not told has its default."""
    header = "\ufeffid, name ,url,price,in_stock,added,weight\n"
    text = header + 'm,"A mug, blue",/m,24.50,no,2026-03-02,3 kg\n'
    (product,) = read_catalogue(text, "c.csv").catalogue.products.values()
    assert (product.id, product.name, product.url) == ("m", "A mug, blue", "/m")
    assert (product.price, product.in_stock, product.added) == (24.5, False, "2026-03-02")
    assert (product.brand, product.image) == ("", "")


@pytest.mark.parametrize("name", ["c.jsonl", "c.json"])
def test_json_says_the_same(name: str) -> None:
    """An object a line, or an array of objects; numbers are ids as well."""
    rows = [{"id": 7, "name": "Mug", "url": "https://a.example/m", "price": 24, "in_stock": True}]
    text = json.dumps(rows) if name == "c.json" else json.dumps(rows[0]) + "\n\n"
    found = read_catalogue(text, name)
    assert found.problems == ()
    assert found.catalogue.shown["7"]["price"] == 24


def test_an_integer_of_json_may_be_any_number() -> None:
    """One that no float can hold is no price."""
    text = f'[{{"id": "m", "name": "Mug", "url": "/m", "price": {"9" * 400}}}, {GOOD}]'
    ((_line, message),) = problems_of(text, "c.json")
    assert message.startswith("`price` is no number")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("m,,/m,1,,,", "`name` is missing"),
        ("m,Mug,javascript:alert(1),1,,,", "`url` is neither an http address nor a path"),
        ("m,Mug,//evil.example/m,1,,,", "`url` is neither"),
        ("m,Mug,http://[,1,,,", "`url` is no address"),
        ("m,Mug,/\\evil.example/m,1,,,", "`url` has a backslash"),
        ("m,Mug,/m,-1,,,", "`price` is no number from 0: '-1'"),
        ("m,Mug,/m,nan,,,", "`price` is no number"),
        ("m,Mug,/m,a lot,,,", "`price` is no number"),
        ("m,Mug,/m,1,,perhaps,", "`in_stock` is neither true nor false: 'perhaps'"),
        ("m,Mug,/m,1,,,yesterday", "`added` is no date such as 2026-11-22: 'yesterday'"),
        ("m,Mug,/m,1", "expected 7 columns"),
        ("m,Mug,/m,1,,,,,,", "expected 7 columns"),
        (f"{'m' * 101},Mug,/m,1,,,", "`id` has over 100 characters"),
        ("ok,Mug,/m,1,,,", "the id `ok` is there twice"),
        ("m\0,Mug,/m,1,,,", "`id` has characters that are none"),
    ],
)
def test_a_row_that_is_no_product_is_left_out_and_named(row: str, message: str) -> None:
    """The rows beside it count."""
    found = read_catalogue(f"{HEADER}ok,Fine,/ok,1,,,\n{row}\nlast,Fine,/last,1,,,\n", "c.csv")
    assert list(found.catalogue.products) == ["ok", "last"]
    (problem,) = found.problems
    assert problem.line == 3
    assert message in problem.message


@pytest.mark.parametrize(
    "row",
    ['m,"Mug,/m,1,,,', 'm,27" Mug,"/m,1,,,', 'm,"A "nice" mug",/m,1,,,', 'm,"Mug,/m,"1,,,'],
)
@pytest.mark.parametrize("last", ["", 'quoted,"A mug, blue",/q,1,,,\n'])
def test_a_broken_quote_costs_one_row(row: str, last: str) -> None:
    """However many lines it swallows: they are read again."""
    rest = "".join(f"m{number},Mug,/m,1,,,\n" for number in range(5_000))
    found = read_catalogue(f"{HEADER}ok,Fine,/ok,1,,,\n\n{row}\n{rest}{last}", "c.csv")
    assert len(found.catalogue.products) == 5_001 + bool(last)
    (problem,) = found.problems
    assert (problem.line, problem.message[:7]) == (4, "not CSV")


def test_lines_are_not_read_again_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of many quotes that are left open swallows all the lines behind it."""
    monkeypatch.setattr(catalogue_reader, "MAX_READ_AGAIN", 1_000)
    with pytest.raises(InputError, match="is a quote of line 12 left open"):
        read_catalogue(HEADER + 'a","""\n' * 100, "c.csv")


def test_lines_that_are_no_json_objects_are_named() -> None:
    """Half a file is better than none."""
    assert problems_of(f"[null, {GOOD}]", "c.json") == [(1, "expected an object")]
    text = f'{GOOD}\nnull\n{{"id"\n{{"id": "n", "name": ["x"], "url": "/n"}}\n'
    found = problems_of(text, "c.jsonl")
    assert [line for line, _message in found] == [2, 3, 4]
    assert [message[:12] for _line, message in found] == [
        "expected an ",
        "not JSON: In",
        "`name` is no",
    ]


def test_a_misspelt_column_is_told_of() -> None:
    """Others are left alone: feeds are made for many readers."""
    text = "id,name,url,pirce,gtin\nm,Mug,/m,5,1\n"
    (problem,) = read_catalogue(text, "c.csv").problems
    assert (problem.line, problem.suggestion) == (1, "did you mean `price`?")


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "c.csv", "the header lacks id, name, url"),
        ("id,name\n", "c.csv", "the header lacks url"),
        ('id,"name,url\nm,Mug,/m\n', "c.csv", "the header is not CSV"),
        ("{}", "c.json", "expected a JSON array of objects"),
        ("[" * 5_000, "c.json", "expected a JSON array of objects"),
        ("id,name,url\n\n,Mug,/m\n", "c.csv", "no product in it; line 3: `id` is missing"),
        ("<html>\n<p>Not found</p>", "c.jsonl", "no product in it; line 1: not JSON"),
        ("[null]", "c.json", "no product in it; line 1: expected an object"),
    ],
)
def test_what_is_no_catalogue_is_refused_as_a_whole(text: str, name: str, message: str) -> None:
    """There is no good row in it."""
    with pytest.raises(InputError, match=message) as caught:
        read_catalogue(text, name)
    assert caught.value.field == name


def test_a_catalogue_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so have the problems that are told."""
    monkeypatch.setattr(catalogue_reader, "MAX_PRODUCTS", 2)
    rows = "".join(f"m{number},Mug,/m,1,,,\n" for number in range(3))
    with pytest.raises(TooLargeError, match="at most 2 products"):
        read_catalogue(HEADER + rows, "c.csv")
    assert len(problems_of(HEADER + "ok,Mug,/m,1,,,\n" + "m,,/m,1,,,\n" * 200)) == MAX_PROBLEMS


@given(st.text(max_size=200), st.sampled_from(["c.csv", "c.jsonl", "c.json"]))
def test_any_text_is_read_or_refused(text: str, name: str) -> None:
    """Nothing else leaves the reader, whatever comes in."""
    with suppress(InputError):
        read_catalogue(text, name)


def test_newest_first_and_pages_lead_to_products() -> None:
    """By date, then the last in the catalogue; an address leads to its product by its path."""
    text = (
        HEADER + "a,A,/a,1,x,,\nb,B,https://s.example/b/?q=1,1,x,,2026-01-02\n"
        "c,C,/c,1,y,,2026-05-02\nd,D,/d,1,x,,\n"
    )
    catalogue = read_catalogue(text, "c.csv").catalogue
    assert catalogue.newest == ("c", "b", "d", "a")
    assert list(catalogue.newest_in("x")) == ["b", "d", "a"]
    assert [catalogue.at_path(path) for path in ("/b", "/b/", "/", "/none")] == ["b", "b", "", ""]


def test_the_product_of_a_page_is_the_only_one_that_has_its_path() -> None:
    """Browsers write a path in one way, feeds in another; a query tells no pages apart."""
    text = "id,name,url\nt,Tea,/čaj\nk,Coffee,/k%C3%A1va\n"
    text += "".join(f"{each},N,/p?id={each}\n" for each in range(3))
    catalogue = read_catalogue(text, "c.csv").catalogue
    assert [catalogue.at_path(path) for path in ("/%C4%8Daj", "/čaj/", "/k%c3%a1va")] == list("ttk")
    assert catalogue.at_path("/p") == ""
