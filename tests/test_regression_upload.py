"""A CSV becomes regression data, or an UploadError that names the cell and says what to do."""

import dataclasses
import os
import time
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from hbdash.regression_data import RegressionData
from hbdash.regression_sources import Manufacturing, Rats, RegressionRows, UploadedRegression, load
from hbdash.tables import regression_upload
from hbdash.tables.csv_table import read_csv
from hbdash.tables.regression_upload import (
    RegressionColumns,
    UploadError,
    blank_counts,
    blanks_in_words,
    guess_regression,
    in_store,
    load_regression,
    notes,
    save_regression,
    tidy_regression,
)
from hbdash.tables.upload import guess as guess_groups
from hbdash.tables.upload import load_table, save_table, tidy

RATS = resources.files("hbdash.datasets").joinpath("rats.csv").read_bytes()
ONE = RegressionColumns("y", "g", ("x",))
TWO = RegressionColumns("y", "g", ("x", "z"))


def rows(text: str, columns: RegressionColumns = ONE) -> regression_upload.TidyRegression:
    return tidy_regression(read_csv(text.encode()), columns)


def data_of(text: str, columns: RegressionColumns = ONE, **settings) -> RegressionData:
    """Go all the way through the store."""
    sha256 = save_regression(rows(text, columns))
    return load(UploadedRegression(sha256=sha256, **settings))


@pytest.mark.parametrize(
    "text, columns, message",
    [
        ("g,x,y\nA,1,2\n", RegressionColumns("y", "g", ()), "one column at least, got none: choos"),
        (
            "g,x,y\nA,1,2\n",
            RegressionColumns("y", "g", tuple(f"x{k}" for k in range(21))),
            "at most 20 predictors, got 21",
        ),
        ("g,x,y\nA,1,2\n", RegressionColumns("w", "g", ("x",)), '`response` must be a column.*"w"'),
        (
            "g,x,y\nA,1,2\n",
            RegressionColumns("y", "w", ("x",)),
            '`group` must be a column, got "w"',
        ),
        ("g,x,y\nA,1,2\n", RegressionColumns("y", "g", ("w",)), '`predictors` must be .* got "w"'),
        ("g,x,y\nA,1,2\n", RegressionColumns("y", "g", ("y",)), 'chosen once, got "y" twice'),
        ("g,x,y\nA,1,2\n", RegressionColumns("y", "g", ("x", "x")), 'chosen once, got "x" twice'),
        ("g,x,y\nA,1,2\n", RegressionColumns("y", "x", ("x",)), 'chosen once, got "x" twice'),
        ("g,x,y\nA,a,2\nB,b,3\n", ONE, '"x" must hold numbers, got none, but text such as "a" in'),
        (
            "g,x,y\nA,1,2\nA,two,3\nB,3,4\nB,4 kg,5\n",
            ONE,
            '"x" must hold numbers, got text: "two" in row 3, "4 kg" in row 5. Write numbers',
        ),
        (
            "\ng,x,y\nA,1,2\nA,2,3\nA,3,n.d.\n",
            ONE,
            '"y" must hold numbers, got text: "n.d." in row 5. .*leave the cell blank',
        ),
        (
            "g,x,y\nA,1,2\n" + "A,?!,3\n" * 7,
            ONE,
            '"[?]!" in row 3, .* in row 7 and 2 more. Write',
        ),
        ("g,x,y\nA,1,2\nA,2e8,3\n", ONE, r'"x" must lie within 1e\+08, got 2e\+08 in row 3'),
        ("g,x,y\nA,,2\nA,1,-3e9\n", ONE, r'"y" must lie within 1e\+08, got -3e\+09 in row 3'),
        (
            "g,x,y\n,1,2\nA,2,\n",
            ONE,
            r'got none: 1 with no label in "g" \(row 2\); 1 with no number',
        ),
        ("g,x,y\nA,,2\nB,NA,3\n", ONE, '"x" must apply to one .*blank in every row: leave this'),
        ("g,x,y\nA,7,2\nB,7,3\nB,,3\n", ONE, '"x" must vary, but it is 7 in every row'),
        ("g,x,y\nA,7,2\nB,7,3\nB,8,\n", ONE, '"x" must vary, but it is 7 in every row'),
        (
            "g,x,y\n" + "".join(f"{k},{k},1\n" for k in range(2001)),
            ONE,
            '"g" must hold at most 2,000 groups, got 2,001 different labels',
        ),
    ],
)
def test_unusable_tables_are_refused_in_words(text, columns, message):
    with pytest.raises(UploadError, match=message):
        rows(text, columns)


def test_duplicate_and_quoted_names():
    with pytest.raises(UploadError, match='its own name, got "x" more than once'):
        rows("g,x,x\nA,1,2\n")
    columns = RegressionColumns("y, mm", 'a "group"', ("x\nlong",))
    table = rows('"a ""group""","x\nlong","y, mm"\nA,1,2\nA,2,3\n', columns)
    assert (table.response, table.group, table.predictors) == ("y, mm", 'a "group"', ("x long",))
    long = "x" * 100
    columns = RegressionColumns("y", "g", (f"{long}1", f"{long}2"))
    table = rows(f"g,{long}1,{long}2,y\nA,1,2,3\nA,2,1,3\n", columns)
    assert len(set(table.predictors)) == 2
    assert max(map(len, table.predictors)) <= 80


def test_unicode_names_and_labels():
    columns = RegressionColumns("Größe", "città", ("température", "身長"))
    data = data_of("città,température,身長,Größe\nZürich,1,2,3\n東京,2,1,4\n", columns)
    assert data.predictors == ("température", "身長")
    assert (data.response, data.group, data.names) == ("Größe", "città", ("Zürich", "東京"))


def test_rows_without_group_or_response_are_dropped_and_blank_predictors_kept():
    text = "g,x,y\nA,1,2\n,2,3\nA,,4\nB,3,\nB,NA,5\nNA,kg,1\nB,kg,na\nB,inf,1\nB,4,1e999\nB,5,6\n"
    table = rows(text)
    assert table.dropped == (
        ('no label in "g"', 2, (3, 7)),
        ('no number in "y"', 2, (5, 8)),
        ('an infinite number in "y"', 1, (10,)),
        ('an infinite number in "x"', 1, (9,)),
    )
    np.testing.assert_array_equal(table.x, [[1], [np.nan], [np.nan], [5]])
    assert table.y.tolist() == [2, 4, 5, 6]
    assert table.index.tolist() == [0, 0, 1, 1]


def test_decimal_comma():
    table = rows("g;x;y\nA;1,5;2,5\nA;2,25;3\nB;3;4,5\n")
    assert table.x[:, 0].tolist() == [1.5, 2.25, 3]
    assert table.y.tolist() == [2.5, 3, 4.5]
    assert table.notes == tuple(
        f'"{name}" is read with a decimal comma: "1,5" is 1.5.' for name in "yx"
    )
    with pytest.raises(UploadError, match='"x" must hold numbers, got text: "3.5" in row 4'):
        rows("g;x;y\nA;1,5;2,5\nA;2,25;3\nB;3.5;4,5\n")


def test_how_the_file_was_read_is_noted():
    assert rows("g,x,y\nA,1,3\nA,2,3\n").notes == ('All values of "y" are 3.',)
    table = tidy_regression(read_csv("g,x,y\nZürich,1,3\nB,2,4\n".encode("cp1252")), ONE)
    assert "Windows-1252" in table.notes[0]
    assert "labels longer than 80" in rows(f"g,x,y\n{'a' * 99},1,3\nB,2,4\n").notes[0]


@pytest.mark.parametrize(
    "header, lines, expected",
    [
        ("rat,day,weight", "1,8,151 1,15,199 2,8,145 2,15,199", ("weight", "rat", ("day",))),
        ("weight,rat,day", "151,1,8 199,1,15 145,2,8 199,2,15", ("weight", "rat", ("day",))),
        ("county,floor,lu,lr", "1,0,.5,.8 1,1,.5,.3 2,0,.7,.9 2,1,.7,.2",
         ("lr", "county", ("floor", "lu"))),
        ("y,x,g", "1.5,2.5,a 2.5,1.5,a 3.5,1,b 4.5,1,b", ("y", "g", ("x",))),
        ("product_group,feed_speed,wait,production_speed", "A,1,,5.5 A,2,,6.5 B,1,.5,7.5 B,2,1,8.5",
         ("production_speed", "product_group", ("feed_speed", "wait"))),
        ("production_speed,feed_speed,product", "5.5,1,A 6.5,2,A 7.5,1,B 8.5,2,B",
         ("production_speed", "product", ("feed_speed",))),
        (",a,b,c", "1,u,1.5,2.5 2,u,2.5,4.5 3,v,1.5,2.5 4,v,3,1", ("c", "a", ("b",))),
        ("a,b,c,k", "u,1.5,2.5,1 u,2.5,4.5,1 v,1.5,2.5,1", ("c", "a", ("b",))),
    ],
)  # fmt: skip
def test_guess(header, lines, expected):
    table = read_csv("\n".join([header, *lines.split()]).encode())
    assert guess_regression(table) == RegressionColumns(*expected)


def test_guess_of_one_predictor_varies_within_groups():
    lines = "1,.5,0,.8 1,.5,1,.3 2,.7,0,.9 2,.7,1,.2".split()
    table = read_csv("\n".join(["county,lu,floor,y", *lines]).encode())
    assert guess_regression(table, several=False).predictors == ("floor",)
    table = read_csv(b"g,a,day,y\nA,1,2,2.5\nA,3,5,4\nB,1,3,3\nB,2,2,1\n")
    assert guess_regression(table, several=False).predictors == ("day",)


@pytest.mark.parametrize(
    "raw, message",
    [
        (b"g,y\nA,1\nB,2\n", "needs three columns.*got \"g\", \"y\", of which \"y\" holds numbers"),
        (b"g,h,y\nA,u,1\nB,v,2\n", 'of which "y" holds numbers: add'),
        (b"y,x\n1,2\n2,3\n", 'three columns.*"y", "x" hold numbers'),
    ],
)  # fmt: skip
def test_tables_without_a_predictor_are_refused(raw, message):
    with pytest.raises(UploadError, match=message):
        guess_regression(read_csv(raw))


def test_the_rats_uploaded_are_the_bundled_ones():
    table = read_csv(RATS)
    columns = guess_regression(table)
    assert columns == RegressionColumns("weight", "rat", ("day",))
    sha256 = save_regression(tidy_regression(table, columns))
    mine = load(UploadedRegression(sha256=sha256, transform="standardize"))
    bundled = load(Rats())
    assert (mine.names, mine.predictors) == (bundled.names, bundled.predictors)
    assert (mine.response, mine.group) == ("weight", "rat")
    for name in ("index", "x", "y", "mask"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(bundled, name))
    for one, other in zip(mine.statistics, bundled.statistics, strict=True):
        np.testing.assert_array_equal(one, other)
    assert mine.units.x_origin[0] == pytest.approx(22)
    assert mine.source == f"Uploaded table {sha256[:8]}"
    assert not mine.x.flags.writeable
    assert notes(bundled) == ()


def test_transforms():
    text = "g,x,y\nA,1,10\nA,3,20\nB,5,30\nB,,40\n"
    raw, centred, standard = (
        data_of(text, transform=how).units for how in ("none", "centre", "standardize")
    )
    assert (raw.x_origin[0], raw.x_unit[0], raw.y_origin, raw.y_unit) == (0, 1, 0, 1)
    assert (centred.x_origin[0], centred.x_unit[0], centred.y_origin, centred.y_unit) == (
        3,
        1,
        0,
        1,
    )
    assert standard.x_unit[0] == pytest.approx(np.sqrt(8 / 3))
    assert (standard.x_origin[0], standard.y_origin) == (3, 25)
    assert standard.y_unit == pytest.approx(np.sqrt(125))


MASKED = "g,x,z,y\nA,1,,10\nA,3,,20\nB,5,1,30\nB,,2,40\nB,7,,50\n"


def test_the_mask_is_inferred_or_given():
    data = data_of(MASKED, TWO)
    assert data.mask.tolist() == [[True, False], [True, True]]
    assert data.complete.tolist() == [True, True, True, False, False]
    assert not data.latent
    assert data_of(MASKED, TWO, missing="latent").latent
    given = data_of(MASKED, TWO, mask=((True, False), (False, True)))
    assert given.mask.tolist() == [[True, False], [False, True]]
    assert given.complete.tolist() == [True, True, True, True, False]


@pytest.mark.parametrize(
    "mask, message",
    [
        (((True, True),), r'2 rows, one a group \("A", "B"\), of 2 entries, .*got 1 rows of 2 ent'),
        (((True,), (True,)), r'one a predictor \("x", "z"\), got 2 rows of 1 entries: leave the'),
        (((True,), (True, True)), "got 2 rows of 1 or 2 entries"),
        ((), "got 0 rows of no entries"),
        (((True, True), (True, True)), '"z" must have a number in one row of "A".*untick it'),
        (((True, False), (True, False)), '"z" must apply to one group.*the mask excludes it'),
    ],
)
def test_a_mask_that_does_not_fit(mask, message):
    with pytest.raises(ValueError, match=message):
        data_of(MASKED, TWO, mask=mask)


def test_no_complete_row():
    text = "g,x,z,y\nA,1,,10\nA,,2,20\nA,,3,30\nA,4,,10\n"
    with pytest.raises(ValueError, match="One row at least must be complete.*latent values"):
        data_of(text, TWO)
    assert data_of(text, TWO, missing="latent").n.tolist() == [4]
    with_others = said(data_of(text + "B,2,,20\nB,3,,30\n", TWO))
    assert 'No complete row in "A", so none is used: the population and the' in with_others


def test_blank_cells_are_counted_where_their_predictor_applies():
    data = data_of(MASKED, TWO)
    assert blank_counts(data) == [("x", "B", 1), ("z", "B", 1)]
    assert blanks_in_words(data) == (
        'Blank though the predictor applies: 1 of "x", 1 of "z"; 2 of 5 rows have such a cell.'
    )
    everywhere = dataclasses.replace(data, mask=np.ones((2, 2), bool))
    assert blank_counts(everywhere) == [("x", "B", 1), ("z", "A", 2), ("z", "B", 1)]
    complete = data_of("g,x,y\nA,1,2\nA,2,3\n")
    assert (blank_counts(complete), blanks_in_words(complete)) == ([], "")


def said(data: RegressionData) -> str:
    return "\n".join(notes(data))


def table_of(groups: str, *columns, names: str = "xz", **settings) -> RegressionData:
    """Data with a letter a row for its group, and columns of predictors (text, "" blank)."""
    rng = np.random.default_rng(0)
    header = ",".join(["g", *names[: len(columns)], "y"])
    lines = [
        ",".join([group, *map(str, cells), repr(rng.normal())])
        for group, *cells in zip(groups, *columns, strict=True)
    ]
    predictors = RegressionColumns("y", "g", tuple(names[: len(columns)]))
    return data_of("\n".join([header, *lines]), predictors, **settings)


def test_ordinary_data_have_no_notes():
    assert notes(table_of("AABBAB", (1, 2, 3, 1, 4, 2), (2, 1, 1, 3, 5, 1))) == ()
    assert notes(load(Manufacturing())) == ()


def test_note_of_one_group():
    assert said(table_of("AAA", (1, 2, 3))) == (
        "With one group, the spread between groups is informed by its prior alone."
    )


def test_note_of_a_group_with_one_row():
    text = said(table_of("AABCC", (1, 2, 3, 4, 5)))
    assert 'One row in "B": it cannot tell a slope from an intercept' in text
    assert "informed by the population, or its prior, alone" in text
    assert "No group has two rows" not in text
    text = said(table_of("ABCDEFG", (1, 2, 3, 4, 5, 6, 7)))
    assert 'One row in "A", "B", "C", "D", "E" and 2 more' in text
    assert "No group has two rows, so noise and the spread between groups cannot be told" in text


def test_rows_that_are_left_out_do_not_count():
    blanks = table_of("AABB", (1, 2, 3, 4), (1, 3, 1, ""))
    assert 'One row in "B"' in said(blanks)
    assert 'One row in "B"' not in said(dataclasses.replace(blanks, latent=True))


def test_note_of_more_coefficients_than_rows():
    text = said(
        table_of(
            "AAABBBB",
            (1, 2, 3, 4, 5, 7, 9),
            (1, 3, 2, 1, 5, 2, 1),
            (2, 9, 8, 7, 1, 3, 1),
            names="xzw",
        )
    )
    assert 'More coefficients than rows in "A" (first: 3 rows for an intercept and 3 pred' in text
    assert "the population or the priors decide" in text
    assert "More predictors than rows" not in text
    text = said(table_of("AB", (1, 2), (2, 1)))
    assert "More predictors than rows: 2 rows in all for an intercept and 2 predictors" in text


def test_note_of_a_mask_that_removes_every_predictor():
    text = said(table_of("AABB", (1, 2, "", "")))
    assert text == 'No predictor applies to "B": modelled by its intercept alone.'
    data = table_of("AABB", (1, 2, 3, 4), mask=((False,), (True,)))
    assert 'No predictor applies to "A": modelled by its intercept alone.' in notes(data)


def test_note_of_a_predictor_constant_within_groups():
    text = said(table_of("AABBC", (0.1, 0.1, 3, 4, 5)))
    assert '"x" is constant within "A": the rows there cannot tell its slope from' in text
    text = said(table_of("AAABBBC", (0.1, 0.1, 0.1, 0.7, 0.7, 0.7, 5)))
    assert '"x" is constant within every group: it differs between groups only' in text
    latent = table_of("AAABBB", (0.1, "", 0.1, 3, 4, 5), missing="latent")
    assert '"x" is constant within "A"' in said(latent)


X = (1.0, 2.0, 3.0, 5.0, 2.5, 4.0, 1.5, 8.0)


def test_note_of_collinear_predictors():
    fahrenheit = tuple(1.8 * c - 9 for c in X)
    text = said(table_of("AAAABBBB", X, fahrenheit))
    assert text == (
        '"x", "z" are collinear: the rows inform only a combination of their weights: leave one '
        "out."
    )
    rounded = tuple(round(f, 1) + 0.02 * (-1) ** k for k, f in enumerate(fahrenheit))
    assert '"x", "z" are almost collinear:' in said(table_of("AAAABBBB", X, rounded))


def test_the_scale_of_predictors_does_not_make_them_collinear():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 8))
    assert "collinear" not in said(table_of("AAAABBBB", 1e-2 * a, 1e2 * b))
    assert "are collinear:" in said(table_of("AAAABBBB", 1e-2 * a, 1e4 - 1e2 * a))


def test_note_of_a_sum_of_predictors_names_those_in_it():
    rng = np.random.default_rng(4)
    a, b, c = rng.normal(size=(3, 12))
    text = said(table_of("AAAAAABBBBBB", a, b, c, a - 2 * c, names="abcd"))
    assert text.startswith('"a", "c", "d" are collinear: ')


def test_note_of_collinear_predictors_within_every_group():
    shifted = tuple(2 * x + (7 if k < 4 else -1) for k, x in enumerate(X))
    text = said(table_of("AAAABBBB", X, shifted))
    assert '"x", "z" are collinear within every group: only the differences between' in text
    assert "leave one out" not in text


def test_note_of_collinear_predictors_within_a_group():
    other = (2.0, 4.0, 6.0, 10.0, 1.0, -3.0, 2.0, 1.0)
    text = said(table_of("AAAABBBB", X, other))
    assert text == (
        '"x", "z" are collinear within "A": the rows there inform only a combination of their '
        "weights; the population or the priors decide."
    )


def test_a_predictor_that_does_not_apply_is_not_collinear():
    text = said(table_of("AAAABBBB", X, (2.0, 4.0, 6.0, 10.0, "", "", "", "")))
    assert '"x", "z" are collinear within "A":' in text  # where both apply, they are
    text = said(table_of("AAAABBBB", (*X[:4], "", "", "", ""), ("", "", "", "", *X[4:])))
    assert "collinear" not in text


def test_notes_of_numbers_far_from_the_priors():
    raw, standard = (
        load(UploadedRegression(sha256=save_regression(tidy_regression(t, c)), transform=how))
        for t, c in [(read_csv(RATS), RegressionColumns("weight", "rat", ("day",)))]
        for how in ("none", "standardize")
    )
    assert '"weight" has mean 243 and standard deviation 63.3 in the units' in said(raw)
    assert "standardize, or widen the priors" in said(raw)
    assert notes(standard) == ()
    years = [2001 + k % 7 for k in range(8)]
    text = said(table_of("AAAABBBB", years))
    assert '"x" lies far from zero (2004, sd 2.12)' in text
    assert "far from zero" not in said(table_of("AAAABBBB", years, transform="centre"))


def test_the_hash_follows_the_content():
    first = save_regression(rows("g,x,y\nA,1,2\nB,,3\nB,3,4\n"))
    assert first == "91b9ddc572876f9ae68dd8c8cb5f71f6acb1d16b60326d30d50904747b5112a9"
    same = rows("g;x;y\r\nA;1.0;2\r\n;9;9\r\nB;NA;3\r\nB;3;4,0\r\n")
    assert save_regression(same) == first
    for other in ("g,x,y\nA,1,2\nB,0,3\nB,3,4\n", "g,x,y\nA,1,2\nC,,3\nC,3,4\n"):
        assert save_regression(rows(other)) != first
    renamed = rows("g,w,y\nA,1,2\nB,,3\nB,3,4\n", RegressionColumns("y", "g", ("w",)))
    assert save_regression(renamed) != first
    assert save_regression(rows("g,x,y\nA,1,2\nB,3,4\nB,,3\n")) != first


def test_an_absent_table_is_asked_for_again():
    with pytest.raises(LookupError, match="table abab… is not in this machine's store: upload the"):
        load_regression(UploadedRegression(sha256="ab" * 32))


def test_a_table_of_another_lab_is_named_as_such_and_stays():
    table = read_csv(b"g,v\nA,1\nA,2\n")
    groups = save_table(tidy(table, guess_groups(table)))
    lines = save_regression(rows("g,x,y\nA,1,2\nA,2,3\n"))
    with pytest.raises(LookupError, match="was uploaded for another kind of model: upload the fil"):
        load_regression(UploadedRegression(sha256=groups))
    with pytest.raises(LookupError, match="was uploaded for another kind of model"):
        load_table(lines, None)
    assert load_table(groups, None).n.tolist() == [2]
    assert load_regression(UploadedRegression(sha256=lines)).n.tolist() == [2]


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "object"])
def test_a_damaged_table_is_set_aside(harm):
    table = rows("g,x,y\nA,1,2\nA,2.5,3\n")
    spec = UploadedRegression(sha256=save_regression(table))
    path = Path(os.environ["HBDASH_STORE"]) / "data" / f"{spec.sha256}.npz"
    raw = path.read_bytes()
    at = raw.find(np.array([2.5]).tobytes())
    harmed = {"cut": raw[:99], "flip": raw[:at] + b"\x01" + raw[at + 1 :], "empty": b""}
    path.write_bytes(harmed.get(harm, b"\x80\x04N."))
    with pytest.raises(LookupError, match="is not in this machine's store.*was damaged"):
        load_regression(spec)
    assert path.with_suffix(".npz.damaged").exists()
    assert save_regression(table) == spec.sha256
    assert load_regression(spec).x.tolist() == [[1], [2.5]]


def test_rows_of_a_configuration_are_kept():
    given = RegressionRows(
        group=("B", "A", "B", "A"),
        response=(1, 2, 3, 5),
        predictors={"x": (1, 2, None, 4), "w": (3, None, 4, None)},
        transform="centre",
        mask=((True, False), (True, False)),
        missing="latent",
    )
    with pytest.raises(ValueError, match='"w" must apply'):
        in_store(given)
    given = given.model_copy(update={"mask": ((True, True), (True, False))})
    kept = in_store(given)
    assert isinstance(kept, UploadedRegression)
    ours, theirs = load(kept), load(given)
    assert (ours.names, ours.predictors, ours.latent) == (theirs.names, theirs.predictors, True)
    for name in ("index", "x", "y", "mask"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    np.testing.assert_array_equal(ours.units.x_origin, theirs.units.x_origin)
    assert in_store(Rats()) == Rats()


def test_radon():
    path = os.environ.get("HBDASH_RADON")
    if not path:
        pytest.skip("HBDASH_RADON does not name the radon table, which is not part of the project")
    table = read_csv(Path(path).read_bytes())
    columns = guess_regression(table)
    assert columns == RegressionColumns("log_radon", "county", ("floor", "log_uranium"))
    assert guess_regression(table, several=False).predictors == ("floor",)
    clean = tidy_regression(table, columns)
    assert (len(clean.y), len(clean.names), clean.dropped, clean.notes) == (919, 85, (), ())
    data = load(UploadedRegression(sha256=save_regression(clean)))
    text = said(data)
    assert '"log_uranium" is constant within every group' in text
    assert '"floor" is constant within' in text and "collinear" not in text
    one = clean.x[:, 0][clean.index == 0], clean.y[clean.index == 0]
    slope = np.polyfit(*one, 1)[0]
    assert load(in_store_of(clean)).fits.weights[0, 0] == pytest.approx(slope)


def in_store_of(clean: regression_upload.TidyRegression) -> UploadedRegression:
    """The same table with its first predictor alone."""
    alone = dataclasses.replace(clean, x=clean.x[:, :1], predictors=clean.predictors[:1])
    return UploadedRegression(sha256=save_regression(alone))


def test_a_million_rows_in_a_thousand_groups():
    lines = "".join(f"county {k % 1000},{k % 97}.5,{k % 89}.25,{k % 977}.25\n" for k in range(1000))
    raw = b"county,x,z,y\n" + lines.encode() * 1000
    start = time.perf_counter()
    table = read_csv(raw)
    sha256 = save_regression(tidy_regression(table, guess_regression(table)))
    data = load(UploadedRegression(sha256=sha256))
    assert data.statistics.n.tolist() == [1000] * 1000
    assert '"x", "z"' not in said(data)
    assert time.perf_counter() - start < 20


def use(raw: bytes) -> None:
    """Go all the way; only an UploadError may stand in it."""
    try:
        table = read_csv(raw)
        clean = tidy_regression(table, guess_regression(table))
    except UploadError as error:
        assert str(error)[0].isupper() or str(error)[0] in '"`'
    else:
        spec = UploadedRegression(sha256=save_regression(clean), missing="latent")
        for transform in ("none", "standardize"):
            data = load(spec.model_copy(update={"transform": transform}))
            assert all(np.isfinite(part).all() for part in data.statistics)
            notes(data)
            blanks_in_words(data)


@pytest.mark.parametrize(
    "alphabet", [bytes(range(256)), b',;\t"\n\r', b'0123456789eE+-.,"\n', b"aN\xc3\xbc,\n1"]
)
def test_mutated_tables_are_refused_or_read(alphabet):
    rng = np.random.default_rng(11)
    tables = [RATS[:400], b"g;x;z;y\nA;1,5;2;3\nA;2;;4\nB;3;1;5\nB;4;2;6,5\n", MASKED.encode()]
    for k in range(150):
        raw = bytearray(tables[k % len(tables)])
        for _ in range(rng.integers(1, 8)):
            at = int(rng.integers(len(raw) + 1))
            insert = bytes(rng.choice(list(alphabet), rng.integers(0, 4)).tolist())
            raw[at : at + int(rng.integers(0, 3))] = insert
        use(bytes(raw))
