"""A CSV becomes grouped data, or an UploadError that says what to do; never anything else."""

import os
import time
from importlib import resources

import numpy as np
import pytest

from hbdash import data
from hbdash.tables import upload
from hbdash.tables.csv_table import MOST_ROWS, cells, to_numbers
from hbdash.tables.upload import Columns, UploadError, guess, load_table, read_csv, save_table, tidy

EIGHT_SCHOOLS = resources.files("hbdash.datasets").joinpath("eight_schools.csv").read_bytes()
ROWS = Columns("rows", "g", "v")
ESTIMATES = Columns("estimates", "g", None, "y", "se")


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path))
    return tmp_path


def rows(text: str, columns: Columns = ROWS) -> upload.Tidy:
    return tidy(read_csv(text.encode()), columns)


@pytest.mark.parametrize(
    "raw, message",
    [
        (b"", "got an empty file"),
        (b" \r\n\n", "got an empty file"),
        (b"\xef\xbb\xbf", "got an empty file"),
        (b"g,v\n", "got only a header"),
        (b"g,v\n,\n , \n", "got only a header"),
        (b"g,v\nA,\x001\n", "got binary content"),
        (b"\x89PNG\r\n\x1a\n0000", "got a PNG picture"),
        (b"PK\x03\x04xl/workbook.xml", "Excel workbook .*export the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "got an Excel workbook: export the sheet as CSV"),
        (b"g,v\nA,1\nB\x81,2\n", "byte 0x81 in line 3: save it as"),
        (b"v\n1\n2\n", 'at least two columns.*got one: "v"'),
        (b"v,\n1,\n2,\n", 'at least two columns, got "v" alone'),
        (b"g,h\nA,x\nB,y\n", 'One column must hold numbers, got only text, such as "x" in row 2'),
        (b"g,v,g\nA,1,2\n", 'its own name, got "g" more than once'),
        (b"1,2.5\n1,3\n", 'must name the columns, got the numbers "1", "2.5"'),
        (b"A,28,15\nB,8,10\n", 'must name the columns, got the numbers "28", "15"'),
        (b'"",""\nA,1\n', "must name the columns, got blanks"),
        (b"g,v\nA,1\nB,2,3\n", "as many cells as the header, 2, got 3 in line 3"),
        (b"\n\ng,v\nA,1\nB,2,3\n", "got 3 in line 5"),
        (b'g,v\nA,1\nB,"2\nC,3\n', "quotation mark must be closed.*row 3"),
        (b'\n\ng,v\nA,1\nB,"2\nC,3\n', "quotation mark must be closed.*row 5"),
        (",".join(f"c{k}" for k in range(3000)).encode(), "at most 200 columns, got 3,000"),
        (b",".join([b"c%d" % k for k in range(200)]) + b"\n" * 200_000, "at most 20,000,000 cells"),
        (b"g,v\n" + b"A,1\n" * (MOST_ROWS + 1), "at most 1,000,000 rows, got about 1,000,002"),
    ],
)
def test_unreadable_files_are_refused_in_words(raw, message):
    with pytest.raises(UploadError, match=message):
        read_csv(raw)


@pytest.mark.parametrize(
    "text, columns, message",
    [
        ("g,v\nA,1\n", Columns("rows", "g"), '`value` must be a column, got none: .*"g", "v"'),
        ("g,v\nA,1\n", Columns("rows", "x", "v"), '`group` must be a column, got "x"'),
        ("g,v\nA,1\n", Columns("rows", "v", "v"), 'chosen once, got "v" twice'),
        ("g,v\nA,1\n", Columns("long", "g", "v"), '`layout` must be "rows" or "estimates"'),  # type: ignore
        ("g,h,v\nA,x,1\n", Columns("rows", "g", "h"), '"h" must hold numbers.*"x" in row 2'),
        ("g,v,w\nA,,1\n", ROWS, r'usable, got none: 1 with no number in "v" \(row 2\)'),
        ("g,v\nA,1\nB,2e8\n", ROWS, r'"v" must lie within 1e\+08, got 2e\+08 in row 3: rescale'),
        (
            "g,y,se\nA,1,0\nB,1,-1\n",
            ESTIMATES,
            "got none: 1 with a standard error of zero.*negative",
        ),
        ("g,y,se\nA,1,1e-9\n", ESTIMATES, '"se" must be at least 1e-08, got 1e-09 in row 2'),
        (
            "g,y,se\nA,1,1\nB,1,1\nA,2,1\n",
            ESTIMATES,
            r'one row a group, got "A" more than once in "g" \(first: rows 2, 4\)',
        ),
        (
            "g,v\n" + "".join(f"{k / 7},1\n" for k in range(2001)),
            ROWS,
            "at most 2,000 groups, got 2,001 different labels; it looks like a column of measure",
        ),
    ],
)
def test_unusable_tables_are_refused_in_words(text, columns, message):
    with pytest.raises(UploadError, match=message):
        rows(text, columns)


def test_dropped_rows_are_counted_once_and_named_by_their_row_in_the_file():
    text = "\ng,v\nA,1\nB,\n\nB,NA\n,3\nA,n.d.\nA,inf\nA,1e999\nB,2\nNA,4\nB\nA,3 kg\nA,3\n,\n"
    table = rows(text)
    assert table.names == ("A", "B")
    assert table.values.tolist() == [1, 2, 3]
    assert table.dropped == (
        ('no label in "g"', 2, (7, 12)),
        ('no number in "v"', 3, (4, 6, 13)),
        ('text instead of a number in "v", first "n.d."', 2, (8, 14)),
        ('an infinite number in "v"', 2, (9, 10)),
    )


def test_unusable_standard_errors_are_dropped():
    table = rows("g,y,se\nA,1,1\nB,2,0\nC,3,-1\nD,4,nan\nE,5,2\n", ESTIMATES)
    assert table.names == ("A", "E")
    assert [(reason.split(" in ")[0], where) for reason, _, where in table.dropped] == [
        ("no number", (5,)),
        ("a standard error of zero", (3,)),
        ("a negative standard error", (4,)),
    ]


@pytest.mark.parametrize(
    "header, expected",
    [
        ("school,effect,sem", Columns("estimates", "school", None, "effect", "sem")),
        ("se,estimate,study", Columns("estimates", "study", None, "estimate", "se")),
        ("Study,Mean,StdErr", Columns("estimates", "Study", None, "Mean", "StdErr")),
        ("lab,n,mean,sd,std_err", Columns("estimates", "lab", None, "mean", "std_err")),
        ("id,yi,sigma", Columns("estimates", "id", None, "yi", "sigma")),
        (",lab,y,se", Columns("estimates", "lab", None, "y", "se")),
    ],
)  # fmt: skip
def test_guess_of_estimates(header, expected):
    kinds = {"school": "L", "study": "L", "Study": "L", "lab": "L", "n": "N", "id": "N", "": "N"}
    names = header.split(",")
    lines = [
        ",".join(
            {"L": f"lab {k}", "N": str(k)}.get(kinds.get(name, ""), str(k + 0.5)) for name in names
        )
        for k in range(8)
    ]
    assert guess(read_csv("\n".join([header, *lines]).encode())) == expected


@pytest.mark.parametrize(
    "text, group, value",
    [
        ("county,value\nA,1.5\nA,2\nB,3\n", "county", "value"),
        ("y,subject\n1,3\n2,3\n5,4\n", "subject", "y"),
        (",county,floor,radon\n0,AITKIN,1,0.8\n1,AITKIN,0,0.9\n2,ANOKA,0,1.1\n", "county", "radon"),
        ("a,b\nx,1\nx,2\ny,3\n", "a", "b"),
        ("a,b\n1.5,1\n2.5,1\n2.25,2\n", "b", "a"),
        ("patient;outcome\n1;2,5\n1;3,5\n", "patient", "outcome"),
        ("school,score,sd\nA,1.5,2.5\nA,2.5,2.5\nB,3.5,2.5\nB,1.5,3.5\n", "school", "score"),
    ],
)  # fmt: skip
def test_guess_of_rows(text, group, value):
    assert guess(read_csv(text.encode())) == Columns("rows", group, value)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_line_ends_and_encodings(separator, end, encoding):
    lines = ["g,v", 'Zürich,"1.5"', "Bern, 2", "Zürich,3", ""]
    raw = end.join(lines).replace(",", separator).encode(encoding)
    table = tidy(read_csv(raw), ROWS)
    assert (table.names, table.values.tolist()) == (("Zürich", "Bern"), [1.5, 2, 3])
    assert (table.notes, table.dropped) == ((), ())


def test_windows_1252_is_read_with_a_note():
    table = tidy(read_csv("g,v\nZürich,1\nZürich,2\n".encode("cp1252")), ROWS)
    assert table.names == ("Zürich",)
    assert "Windows-1252" in table.notes[0]


def test_decimal_comma():
    table = rows("g;v\nA;1,5\nA;2\nB;-0,25\nB;1.5\n")
    assert table.values.tolist() == [1.5, 2, -0.25]
    assert table.dropped == (('text instead of a number in "v", first "1.5"', 1, (5,)),)
    assert table.notes == ('"v" is read with a decimal comma: "1,5" is 1.5.',)
    with pytest.raises(UploadError, match='got only text, such as "1,5" in row 2'):
        rows('g,v\nA,"1,5"\n')


def test_numbers_are_read_exactly():
    rng = np.random.default_rng(3)
    numbers = np.concatenate([rng.normal(size=500), rng.normal(size=500) * 1e-5])
    text = "g,v\n" + "".join(f"A,{number!r}\n" for number in numbers.tolist())
    assert rows(text).values.tolist() == numbers.tolist()
    table = read_csv("g,v\nA,\N{MINUS SIGN}1\nA,0x10\nA,1_0\nA,.5\nA,5.\n".encode())
    read = to_numbers(cells(table, "v"), ",")
    assert np.nan_to_num(read.numbers, nan=99).tolist() == [-1, 99, 99, 0.5, 5]


@pytest.mark.parametrize(
    "labels, names",
    [
        ("10 9 1 9", ("1", "9", "10")),
        ("10.0 9.0 1.0 9.0", ("1", "9", "10")),
        ("01003 01001 02000 01001", ("01001", "01003", "02000")),
        ("2.5 1 2.5 1", ("1", "2.5")),
        ("b a 1 b", ("b", "a", "1")),
        ("<b>x</b> None nul <b>x</b>", ("<b>x</b>", "None", "nul")),
    ],
)
def test_labels_keep_their_look_and_order(labels, names):
    labels = labels.split()
    table = rows("g,v\n" + "".join(f"{label},{k}\n" for k, label in enumerate(labels)))
    assert table.names == names
    strip = [label.removesuffix(".0") for label in labels]
    assert [table.names[k] for k in table.index] == strip


def test_long_labels_are_cut_and_stay_distinct():
    table = rows(f"g,v\n{'x' * 100}1,1\n{'x' * 100}2,2\nA,3\n")
    assert len(set(table.names)) == 3
    assert max(map(len, table.names)) <= 80
    assert "2 labels longer than 80" in table.notes[0]


def test_what_a_reader_should_know_is_noted():
    one = rows("g,v\nA,1\nA,2\n")
    assert one.notes == ("With one group, tau is informed by its prior alone.",)
    assert not one.sigma_must_be_known
    constant = rows("g,v\nA,1\nB,1\nB,1\n")
    assert constant.sigma_must_be_known
    assert constant.notes[0] == 'All values of "v" are 1.'
    single = rows("g,v\nA,0.1\nB,0.3\n")
    assert single.sigma_must_be_known
    assert "give the known standard deviation" in single.notes[0]
    deviation = rows("g,y,sd\nA,1,1\nB,2,1\n", Columns("estimates", "g", None, "y", "sd"))
    assert "divide it by the square root of n" in deviation.notes[0]


def same(a: data.GroupData, b: data.GroupData) -> None:
    assert (a.names, a.sigma is None) == (b.names, b.sigma is None)
    for name in ("n", "mean", "ss", "values", "index", "standard_error"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), strict=True)


@pytest.mark.parametrize("sigma", [None, 2.5])
def test_rows_return_from_the_store(sigma):
    rng = np.random.default_rng(1)
    index, values = rng.integers(0, 5, 300), rng.normal(size=300)
    index[:5] = range(5)
    lines = [f"lab {k},{value!r}" for k, value in zip(index, values.tolist(), strict=True)]
    table = rows("\n".join(["g,v", *lines]))
    loaded = load_table(save_table(table), sigma)
    same(loaded, data.from_rows(index, values, tuple(f"lab {k}" for k in range(5)), sigma))
    assert not loaded.values.flags.writeable


def test_eight_schools_uploaded_are_the_bundled_ones():
    table = read_csv(EIGHT_SCHOOLS)
    columns = guess(table)
    assert columns == Columns("estimates", "school", None, "effect", "standard_error")
    sha256 = save_table(tidy(table, columns))
    loaded = data.load(data.Uploaded(sha256=sha256))  # pyright: ignore
    same(loaded, data.load(data.Example()))  # pyright: ignore
    assert loaded.source == f"Uploaded table {sha256[:8]}"
    with pytest.raises(UploadError, match="`sigma` must be None for a table of estimates"):
        load_table(sha256, 1.0)


def test_sigma_must_be_given_where_no_rows_vary():
    sha256 = save_table(rows("g,v\nA,1\nB,2\n"))
    with pytest.raises(UploadError, match="`sigma` must be given"):
        load_table(sha256, None)
    assert load_table(sha256, 1.0).n.tolist() == [1, 1]


def test_the_hash_follows_the_content(store):
    first = save_table(rows("g,v\nA,1\nB,2\nB,3\n"))
    assert save_table(rows("g;v\r\nA;1.0\r\nB;2\r\nC;\r\nB;3")) == first
    assert save_table(rows("g,v\nA,1\nB,3\nB,2\n")) != first
    assert save_table(rows("g,v\nA,1\nC,2\nC,3\n")) != first
    assert first in {path.stem for path in (store / "data").iterdir()}
    assert {path.suffix for path in (store / "data").iterdir()} == {".npz"}


def test_an_absent_table_is_asked_for_again():
    with pytest.raises(LookupError, match="table abab… is not in this machine's store: upload the"):
        load_table("ab" * 32, None)
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        load_table("../../secret", None)


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "other", "object"])
def test_a_damaged_table_is_set_aside(store, harm):
    table = rows("g,v\nA,1\nB,2\nB,3\n")
    sha256 = save_table(table)
    path = store / "data" / f"{sha256}.npz"
    raw = path.read_bytes()
    if harm == "other":
        other = store / "data" / f"{save_table(rows('g,v' + chr(10) + 'A,1' + chr(10)))}.npz"
        raw = other.read_bytes()
    at = raw.find(np.array([3.0]).tobytes())
    path.write_bytes(
        {
            "cut": raw[: len(raw) // 2],
            "flip": raw[:at] + b"\x01" + raw[at + 1 :],
            "empty": b"",
            "other": raw,
            "object": b"\x80\x04N.",
        }[harm]
    )
    with pytest.raises(LookupError, match="is not in this machine's store.*was damaged"):
        load_table(sha256, None)
    assert not path.exists()
    assert path.with_suffix(".npz.damaged").exists()
    assert save_table(table) == sha256
    assert load_table(sha256, None).names == ("A", "B")


def test_a_failed_write_leaves_nothing_behind(store, monkeypatch):
    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        save_table(rows("g,v\nA,1\nB,2\n"))
    assert not list((store / "data").iterdir())


def test_a_million_rows():
    lines = "".join(f"county {k % 1000},{k % 977}.25\n" for k in range(1000))
    raw = b"county,value\n" + lines.encode() * 1000
    start = time.perf_counter()
    table = read_csv(raw)
    tidied = tidy(table, guess(table))
    assert time.perf_counter() - start < 10
    assert (len(tidied.values), len(tidied.names)) == (1_000_000, 1000)


def use(raw: bytes) -> None:
    """Go all the way; only an UploadError may stand in it."""
    try:
        table = read_csv(raw)
        tidied = tidy(table, guess(table))
        loaded = load_table(save_table(tidied), None if tidied.standard_error is not None else 1.0)
    except UploadError as error:
        assert str(error)[0].isupper() or str(error)[0] in '"`'
    else:
        assert np.isfinite(loaded.mean).all()
        assert (loaded.n >= 1).all()


def test_noise_is_refused_or_read():
    rng = np.random.default_rng(7)
    for _ in range(200):
        use(rng.bytes(int(rng.integers(1, 400))))


@pytest.mark.parametrize(
    "alphabet", [bytes(range(256)), b',;\t"\n\r', b'0123456789eE+-.,"\n', b"aN\xc3\xbc,\n1"]
)
def test_mutated_tables_are_refused_or_read(alphabet):
    rng = np.random.default_rng(11)
    tables = [EIGHT_SCHOOLS, b"g;v\nA;1,5\nA;2\nB;3\n", b'"id"\t"y"\n1\t2.5\n1\t3\n2\t4\n']
    for k in range(200):
        raw = bytearray(tables[k % len(tables)])
        for _ in range(rng.integers(1, 8)):
            at = int(rng.integers(len(raw) + 1))
            insert = bytes(rng.choice(list(alphabet), rng.integers(0, 4)).tolist())
            raw[at : at + int(rng.integers(0, 3))] = insert
        use(bytes(raw))
