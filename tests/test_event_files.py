"""Event files: every separator and header, and each bad input with its message."""

import io
import zipfile

import h5py
import numpy as np
import pytest

from hbdash.population import archive, event_files, event_hdf5, event_rows
from hbdash.population.archive import unpack
from hbdash.population.event_files import columns_of, guess_columns, natural, read_events
from hbdash.population.event_output import event_table, write_event_files, zip_bytes

M1, M2 = np.linspace(20, 40, 60), np.linspace(10, 19, 60)


def text(header="mass_1_source mass_2_source", join=" ", rows=None, end="\n"):
    rows = list(zip(M1, M2, strict=True)) if rows is None else rows
    return end.join([header, *(join.join(str(cell) for cell in row) for row in rows), ""]).encode()


def raises(message, files, *args, **options):
    with pytest.raises(ValueError, match=message):
        read_events(files, *args, **options)


def about(catalogue, about):
    return {note.event: note.text for note in catalogue.notes if note.about == about}


@pytest.mark.parametrize(
    "raw",
    [
        text(),
        text("# mass_1_source mass_2_source"),
        text("#mass_1_source mass_2_source"),
        text("# made by a program\n# mass_1_source mass_2_source"),
        text("# made by a program, twice\nmass_1_source mass_2_source"),
        text("mass_1_source,mass_2_source", ","),
        text("mass_1_source, mass_2_source", " ,  "),
        text('"mass_1_source";"mass_2_source"', ";"),
        text("mass_1_source\tmass_2_source", "\t"),
        text("  mass_1_source    mass_2_source  ", "     "),
        text("mass_1_source\tmass_2_source", "   "),
        text(end="\r\n"),
        text(end="\r"),
        text(end="\n\n"),
        b"\xef\xbb\xbf" + text(),
        text().decode().encode("utf-16"),
        text() + b"# the end\n",
    ],
)
def test_any_separator_and_header_is_read(raw):
    catalogue = read_events({"event_0.dat": raw})
    assert np.array_equal(catalogue.m1, M1) and np.array_equal(catalogue.m2, M2)
    assert catalogue.names == ("event_0",) and not catalogue.log_prior.any()
    assert not catalogue.notes and catalogue.columns == ("mass_1_source", "mass_2_source")


def test_columns_are_picked_by_name_among_others_also_of_text():
    rows = [("a b", 1.5, m2, m1, -0.5) for m1, m2 in zip(M1, M2, strict=True)]
    raw = text("who,log_prior_2,m2,m1,log_prior", ",", rows)
    catalogue = read_events({"a/GW150914.csv": raw}, ("m1", "m2", "log_prior"))
    assert np.array_equal(catalogue.m1, M1) and np.array_equal(catalogue.m2, M2)
    assert (catalogue.log_prior == -0.5).all() and catalogue.names == ("GW150914",)


def test_events_are_in_the_natural_order_of_their_names():
    files = {f"event_{k}.dat": text(rows=[(20 + k, 10)] * 60) for k in (10, 2, 0, 1)}
    catalogue = read_events(files)
    assert catalogue.names == ("event_0", "event_1", "event_2", "event_10")
    assert catalogue.m1[::60].tolist() == [20, 21, 22, 30]
    assert catalogue.offsets.tolist() == [0, 60, 120, 180, 240]
    assert natural(["b", "a10", "a9b", "a9", "10", "9"]) == ["9", "10", "a9", "a9b", "a10", "b"]


def test_events_of_one_name_are_told_apart_by_their_folders():
    other = text(rows=[(30, 20)] * 60)
    catalogue = read_events({"GW1/posterior.dat": text(), "GW2/posterior.dat": other})
    assert catalogue.names == ("GW1/posterior", "GW2/posterior")
    assert read_events({"a.dat": text(), "a.txt": other}).names == ("a.dat", "a.txt")


def test_ragged_events_keep_their_rows():
    files = {f"e{k}.dat": text(rows=[(30.0 + k, 10.0)] * (50 + k)) for k in range(3)}
    catalogue = read_events(files)
    assert catalogue.sizes.tolist() == [50, 51, 52]
    assert (catalogue.m1 == 30.0 + catalogue.event_index).all()
    assert all(len(catalogue.event(n)[0]) == 50 + n for n in range(3))


def test_a_missing_column_names_the_file_and_the_columns_present():
    raises(
        'event_3.dat must have a column "mass_2_source", got "mass_1_source", "chi"',
        {"event_1.dat": text(), "event_3.dat": text("mass_1_source chi")},
    )
    raises('must have one column "m1", got 2', {"a.dat": text("m1 m1")}, ("m1", "m2"))


@pytest.mark.parametrize("raw", [b"", b"  \n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_named(raw):
    raises("event_7.dat must hold posterior samples, got an empty file", {"event_7.dat": raw})


@pytest.mark.parametrize("raw", [text(rows=[]), b"#mass_1_source mass_2_source", b"a,b\n \n"])
def test_a_header_alone_is_named(raw):
    columns = ("a", "b") if raw.startswith(b"a") else event_files.DEFAULT_COLUMNS
    raises(
        "event_7.dat must hold posterior samples, got only a header", {"event_7.dat": raw}, columns
    )


def test_a_file_without_a_header_is_named():
    raises(
        'The first line of event_7.dat must name the columns, got the numbers "30.5 20.1"',
        {"event_7.dat": b"30.5 20.1\n31 20\n"},
    )


@pytest.mark.parametrize("drop", [False, True])
def test_text_in_a_cell_names_file_row_column_and_value_and_is_never_dropped(drop):
    rows = [(30, 20), (31, "abc"), (32, "x")]
    raises(
        'event_7.dat must hold numbers in column "mass_2_source", got "abc" in row 3',
        {"event_7.dat": text(rows=rows)},
        drop_invalid=drop,
    )
    raises('got "1_000" in row 2', {"event_7.dat": text(rows=[("1_000", 20)])})
    raises('got "1,5" in row 2', {"e.dat": text("mass_1_source;mass_2_source", ";", [("1,5", 1)])})


@pytest.mark.parametrize(("row", "count"), [("31", 1), ("31 20 1", 3), ("31 20 1 2", 4)])
def test_a_row_of_another_length_is_named(row, count):
    raw = text(rows=[(30, 20)]) + row.encode() + b"\n"
    raises(
        f"Every row of event_7.dat must have as many cells as the header, 2, got {count} in row 3",
        {"event_7.dat": raw},
    )
    raises("as many cells as the header, 2, got 3 in row 2", {"e.dat": text(rows=[(1, 2, 3)])})


BAD = [("nan", "nan"), ("NaN", "nan"), ("inf", "inf"), ("-inf", "-inf"), ("0", "0"), ("-3", "-3")]


@pytest.mark.parametrize(("cell", "shown"), BAD)
def test_what_is_no_mass_is_an_error_by_default(cell, shown):
    rows = [*zip(M1, M2, strict=True), (30, cell)]
    raises(
        f'event_7.dat must hold finite masses above 0 in column "mass_2_source", got {shown} in '
        "row 62. Mend the files, or choose to drop such rows",
        {"event_7.dat": text(rows=rows)},
    )


def test_invalid_rows_are_counted_over_all_files():
    bad = text(rows=[(30, 20), ("nan", 1), (0, 1)])
    raises(
        r"a.dat must .* got nan in row 3 \(4 such rows in 2 files\)",
        {"b.dat": bad, "a.dat": bad, "c.dat": text()},
    )


@pytest.mark.parametrize(("cell", "shown"), BAD)
def test_rows_are_dropped_and_counted_on_request(cell, shown):
    rows = [(30, cell), *zip(M1, M2, strict=True), (cell, 20)]
    catalogue = read_events({"event_7.dat": text(rows=rows)}, drop_invalid=True)
    assert np.array_equal(catalogue.m1, M1) and catalogue.sizes.tolist() == [60]
    assert about(catalogue, "dropped")["event_7"] == (
        "2 of 62 rows dropped: they must hold finite masses above 0 in column "
        f'"mass_2_source", got {shown} in row 2 first. M_n, by which the likelihood divides, '
        "counts the remaining 60 rows."
    )
    assert "2 of 62 rows dropped" in event_table(catalogue)["dropped"][0]


def test_an_event_of_which_no_row_is_left_is_an_error_even_then():
    raises(
        "event_7.dat must have one usable row at least, got none of 2: it must hold finite masses "
        'above 0 in column "mass_1_source", got nan in row 2',
        {"event_6.dat": text(), "event_7.dat": text(rows=[("nan", 1), (-1, 1)])},
        drop_invalid=True,
    )


def test_a_log_prior_must_be_finite_and_may_be_negative():
    columns = ("m1", "m2", "log_prior")
    raw = text("m1 m2 log_prior", rows=[(30, 20, -700.0), (30, 20, "-inf")])
    raises('finite log priors in column "log_prior", got -inf in row 3', {"a.dat": raw}, columns)
    catalogue = read_events({"a.dat": raw}, columns, drop_invalid=True)
    assert catalogue.log_prior.tolist() == [-700.0]


def test_blank_cells_are_missing_numbers():
    raw = text("mass_1_source,mass_2_source", ",", [(30, 20), ("", 20), (31, 20)])
    raises('"mass_1_source", got nan in row 3', {"a.csv": raw})
    assert read_events({"a.csv": raw}, drop_invalid=True).m1.tolist() == [30, 31]


def test_masses_in_the_other_order_are_counted_and_warned_of():
    rows = [*zip(M1, M2, strict=True), (20, 20.5), (20, 20)]
    catalogue = read_events({"event_7.dat": text(rows=rows), "event_8.dat": text()})
    said = about(catalogue, "m2 > m1")
    assert set(said) == {"event_7"} and said["event_7"].startswith("m2 > m1 in 1 of 62 rows")
    assert len(catalogue.m1) == 122, "nothing is dropped"


def test_columns_that_look_swapped_are_told_and_not_swapped():
    swapped = ("mass_2_source", "mass_1_source")
    catalogue = read_events({"a.dat": text(), "b.dat": text(rows=[(30, 20)] * 60)}, swapped)
    assert about(catalogue, "swapped")[""] == (
        'The columns look swapped: m2 > m1 in 120 of 120 rows (m1 is read from "mass_2_source", m2 '
        'from "mass_1_source"). They are not swapped by themselves: choose the columns.'
    )
    assert np.array_equal(catalogue.m1[:60], M2)


def test_one_file_with_swapped_columns_is_told():
    files = {f"{k}.dat": text(rows=[(30 + k, 20)] * 60) for k in range(3)}
    catalogue = read_events(files | {"odd.dat": text(rows=[(10, 20)] * 60)})
    said = about(catalogue, "swapped")
    assert set(said) == {"odd"}
    assert said["odd"].startswith("Columns look swapped in this file: m2 > m1 in 60 of 60 rows")


def test_few_rows_and_twins_are_warned_of():
    few = text(rows=[(30, 20)] * 5)
    files = {"a.dat": text(), "b.dat": text(), "c.csv": text().replace(b" ", b","), "few.dat": few}
    catalogue = read_events(files)
    said = about(catalogue, "duplicate")
    assert set(said) == {"b", "c"} and said["c"].startswith("The same samples as a: the event")
    assert about(catalogue, "few rows")["few"].startswith("5 rows of samples: too few")
    assert all(note.level == "warn" for note in catalogue.notes)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            b"mass_1_source mass_2_source\n30 20\n\xff\xff 1\n",
            "got byte 0xff in line 3: save it as",
        ),
        (b"a b\n\x00\x01\x02", "got binary content"),
        (b"PK\x03\x04....", "got a zip archive"),
        (b"\x89PNG....", "got a PNG picture"),
        (b"\x1f\x8b....", "got a gzip archive: unpack it"),
        (b"%PDF-1.4", "got a PDF"),
    ],
)
def test_what_is_not_text_is_named(raw, message):
    raises(f"event_7.dat must be .*{message}", {"event_7.dat": raw})


def test_limits_are_stated(monkeypatch):
    raises("one event file at least, got none", {})
    raises("at most 5,000 files, got 5,001", dict.fromkeys(map(str, range(5001)), b""))
    monkeypatch.setattr(event_files, "MOST_BYTES", 2_000_000)
    raises("at most 2 MB, got 3 MB: thin them", {"a.dat": b" " * 3_000_000})
    monkeypatch.setattr(event_rows, "MOST_ROWS", 100)
    files = {"a.dat": text(), "b.dat": text()}
    raises("at most 100 rows, got 120: thin them to 50 rows an event", files)
    assert read_events(files, thin=50).sizes.tolist() == [50, 50]


@pytest.mark.parametrize("columns", [("m1",), ("m1", "m1"), ("a", "b", "c", "d"), ()])
def test_columns_must_be_two_or_three(columns):
    raises("`columns` must name the column of m1, that of m2", {"a.dat": text()}, columns)


def test_thinning_chooses_rows_by_its_seed_and_is_told():
    files = {"a.dat": text(), "b.dat": text(rows=[(30, 20)] * 10)}
    first, again = read_events(files, thin=20), read_events(files, thin=20)
    other = read_events(files, thin=20, thin_seed=1)
    assert first.sizes.tolist() == [20, 10] and np.array_equal(first.m1, again.m1)
    assert not np.array_equal(first.m1, other.m1)
    pairs = set(zip(M1, M2, strict=True))
    assert len(set(first.m1[:20])) == 20 and (np.diff(first.m1[:20]) > 0).all()
    assert set(zip(first.m1[:20], first.m2[:20], strict=True)) <= pairs
    assert about(first, "thinned") == {"a": "20 of 60 rows kept, chosen at random (seed 0)."}


def test_columns_are_those_of_all_files_and_guessed():
    files = {"b.dat": text("chi m2 m1", rows=[(1, 2, 3)])}
    files["a.dat"] = text("m1,m2,log_prior,z", ",", [(1, 2, 3, 4)])
    assert columns_of(files) == ("m1", "m2")
    assert columns_of({"a.dat": files["a.dat"]}) == ("m1", "m2", "log_prior", "z")
    with pytest.raises(
        ValueError, match="got a, b in 1.dat and c, d in 2.dat: upload files of one"
    ):
        columns_of({"1.dat": text("a b"), "2.dat": text("c d")})
    assert guess_columns(("z", "mass_2_source", "mass_1_source")) == (
        "mass_1_source", "mass_2_source",
    )  # fmt: skip
    assert guess_columns(("M2", "M1", "log_prior")) == ("M1", "M2", "log_prior")
    assert guess_columns(("mass_1", "mass_1_source", "mass_2", "mass_2_source")) == (
        "mass_1_source", "mass_2_source",
    )  # fmt: skip
    assert guess_columns(("x", "y", "z")) == ("x", "y")
    with pytest.raises(ValueError, match="must be columns of m1 and m2, got x alone"):
        guess_columns(("x",))


def hdf5(fill):
    raw = io.BytesIO()
    with h5py.File(raw, "w") as file:
        fill(file)
    return raw.getvalue()


def table(m1=M1, m2=M2):
    names = [("mass_2_source", "f8"), ("mass_1_source", "f4"), ("label", "S3")]
    found = np.zeros(len(m1), names)
    found["mass_1_source"], found["mass_2_source"] = m1, m2
    return found


def test_structured_datasets_are_found_anywhere_in_an_hdf5_file():
    raw = hdf5(lambda f: f.create_dataset("GWKokab/deep/posterior_samples", data=table()))
    assert columns_of({"event_0.h5": raw}) == ("mass_2_source", "mass_1_source", "label")
    catalogue = read_events({"event_0.h5": raw, "event_1.dat": text(rows=[(30, 20)] * 60)})
    assert catalogue.names == ("event_0", "event_1")
    assert np.allclose(catalogue.m1[:60], M1, rtol=1e-7) and np.array_equal(catalogue.m2[:60], M2)


def test_several_datasets_in_a_file_are_several_events():
    def fill(file):
        for k in (10, 2):
            file.create_dataset(f"GW{k}/posterior_samples", data=table(M1 + k))
        file["posterior_samples"] = table(M1)
        file["other"] = np.arange(3)

    catalogue = read_events({"all.hdf5": hdf5(fill)})
    assert catalogue.names == ("GW2", "GW10", "all")
    assert catalogue.m1[::60].tolist() == [22, 30, 20]
    assert "3 datasets of samples" in about(catalogue, "several datasets")[""]


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda f: f.create_dataset("x", data=[1]), 'a dataset named "posterior_samples", got x'),
        (
            lambda f: f.create_dataset("posterior_samples", data=np.ones((5, 2))),
            r"must be a table of named columns .*got shape \(5, 2\) of float64",
        ),
        (
            lambda f: f.create_dataset("posterior_samples", data=table()[:0]),
            "must hold posterior samples, got no row",
        ),
        (
            lambda f: f.create_dataset(
                "posterior_samples", data=np.zeros(3, [("mass_1_source", "S4"), ("b", "f8")])
            ),
            'must hold numbers in column "mass_1_source"',
        ),
        (
            lambda f: f.create_dataset("posterior_samples", data=np.zeros(3, [("b", "f8")])),
            'must have a column "mass_1_source", got "b"',
        ),
        (
            lambda f: f.create_dataset(
                "posterior_samples", (10**9,), table().dtype, chunks=(1000,), compression="gzip"
            ),
            "at most 2,000,000 rows .* got 1,000,000,000 rows",
        ),
        (
            lambda f: f.create_dataset(
                "posterior_samples", (1,), table().dtype, external=[("/etc/hostname", 0, 15)]
            ),
            "must lie in the file itself",
        ),
        (
            lambda f: f.__setitem__("posterior_samples", h5py.ExternalLink("other.h5", "/x")),
            "must have a dataset",
        ),
    ],
)
def test_hdf5_files_say_what_is_wrong(fill, message):
    raises(f"event_7.h5.*{message}", {"event_7.h5": hdf5(fill)})


def test_damaged_hdf5_and_invalid_masses_in_it_are_named(monkeypatch):
    raw = hdf5(lambda f: f.create_dataset("posterior_samples", data=table()))
    raises("event_7.h5 is damaged", {"event_7.h5": raw[: len(raw) // 2]})
    bad = table()
    bad["mass_1_source"][4] = np.nan
    raw = hdf5(lambda f: f.create_dataset("posterior_samples", data=bad))
    raises('event_7.h5 must hold .* "mass_1_source", got nan in row 5', {"event_7.h5": raw})
    monkeypatch.setattr(event_hdf5, "MOST_OBJECTS", 0)
    raises("at most 0 datasets and groups, got more", {"event_7.h5": raw})


def zipped(files, **options):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content, **options)
    return raw.getvalue()


def test_an_archive_becomes_its_event_files_and_others_are_left_out():
    inside = {"set/event_0.dat": text(), "set/event_1.csv": b"a,b\n1,2\n", "set/README.md": b"hi"}
    inside |= {"README.txt": b"hi", "__MACOSX/set/._event_0.dat": b"\x00", "set/.hidden.dat": b"x"}
    files, notes = unpack({"all.zip": zipped(inside), "event_9.dat": text()})
    assert set(files) == {"set/event_0.dat", "set/event_1.csv", "event_9.dat"}
    assert files["set/event_0.dat"] == text()
    (note,) = notes
    assert note.text.startswith("Not event files, so left out of all.zip: ")
    assert all(name in note.text for name in ("README.txt", "set/README.md", "__MACOSX", ".hidden"))


def test_an_archive_of_the_originals_folder_gives_its_events_alone():
    folder = "data/realization_0"
    inside = {f"{folder}/{name}": text() for name in ("injections.dat", "raw_color.dat")}
    inside |= {f"{folder}/posteriors/event_{k}.dat": text() for k in range(2)}
    inside |= {f"{folder}/more.dat": text()}
    files, _ = unpack({"data.zip": zipped(inside)})
    assert set(files) == {f"{folder}/posteriors/event_{k}.dat" for k in range(2)}
    both = inside | {"data/realization_1/posteriors/event_0.dat": text()}
    with pytest.raises(ValueError, match='one catalogue, got "realization_0", "realization_1"'):
        unpack({"data.zip": zipped(both)})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../event_0.dat", "which leads out of it"),
        ("a/../../event_0.dat", "which leads out of it"),
        ("/etc/event_0.dat", "which leads out of it"),
        ("C:/event_0.dat", "which leads out of it"),
        ("..\\event_0.dat", "which leads out of it"),
        ("inner.zip", 'got another archive in it, "inner.zip": unpack'),
        ("inner.tar.gz", "got another archive in it"),
        ("notes.md", 'must hold event files .*, got "notes.md"'),
    ],
)
def test_archives_that_are_not_what_they_seem_are_refused(name, message):
    with pytest.raises(ValueError, match=f"all.zip .*{message}"):
        unpack({"all.zip": zipped({name: text()})})


def test_archives_in_disguise_links_passwords_and_doubles_are_refused():
    inner = zipped({"event_0.dat": text()})
    with pytest.raises(ValueError, match='another archive in it, "event_0.dat"'):
        unpack({"all.zip": zipped({"event_0.dat": inner})})
    link = zipfile.ZipInfo("event_0.dat")
    link.external_attr = 0o120777 << 16
    with pytest.raises(ValueError, match='got a link, "event_0.dat"'):
        unpack({"all.zip": zipped({link: "/etc/passwd"})})
    locked = bytearray(zipped({"event_0.dat": text()}))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ValueError, match='must not be encrypted, got "event_0.dat" that needs'):
        unpack({"all.zip": bytes(locked)})
    with pytest.warns(UserWarning, match="Duplicate name"):
        raw = io.BytesIO()
        with zipfile.ZipFile(raw, "w") as file:
            file.writestr("event_0.dat", text())
            file.writestr("event_0.dat", text())
    with pytest.raises(ValueError, match='every file once, got "event_0.dat" twice'):
        unpack({"all.zip": raw.getvalue()})
    with pytest.raises(ValueError, match='name of its own, got "event_0.dat" twice'):
        unpack({"all.zip": zipped({"event_0.dat": text()}), "event_0.dat": text()})


def test_damaged_and_empty_archives_are_named():
    raw = zipped({"event_0.dat": text()})
    with pytest.raises(ValueError, match="all.zip must be a zip archive that can be read"):
        unpack({"all.zip": raw[:100]})
    broken = bytearray(raw)
    broken[60] ^= 0xFF
    with pytest.raises(ValueError, match="all.zip must be a zip archive that can be read"):
        unpack({"all.zip": bytes(broken)})
    with pytest.raises(ValueError, match="must hold event files .*, got nothing"):
        unpack({"all.zip": zipped({})})


def test_archives_that_unpack_to_too_much_are_refused(monkeypatch):
    bomb = zipped({"event_0.dat": b"0" * 6_000_000})
    with pytest.raises(ValueError, match="not unpack to more than 100 times its size, got 6 MB"):
        unpack({"all.zip": bomb})
    monkeypatch.setattr(archive, "MOST_BYTES", 1_000_000)
    with pytest.raises(ValueError, match="must unpack to at most 1 MB, got 6 MB"):
        unpack({"all.zip": bomb})
    # The size in the archive's list may be a lie.
    lying = bytearray(zipped({"event_0.dat": np.random.default_rng(1).bytes(2_000_000)}))
    at = lying.index(b"PK\x01\x02") + 24
    lying[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(ValueError, match="all.zip must"):
        unpack({"all.zip": bytes(lying)})
    monkeypatch.setattr(archive, "MOST_ENTRIES", 1)
    with pytest.raises(ValueError, match="at most 1 files, got 2"):
        unpack({"all.zip": zipped({"a.dat": text(), "b.dat": text()})})


def test_a_catalogue_is_written_in_the_originals_format_and_comes_back_bit_for_bit():
    rng = np.random.default_rng(2)
    rows = rng.lognormal(3, 1, (2, 70, 2))
    files = {f"event_{k}.dat": text(rows=rows[k].tolist()) for k in range(2)}
    catalogue = read_events(files)
    written = write_event_files(catalogue)
    assert list(written) == ["event_0.dat", "event_1.dat"]
    first, second = written["event_0.dat"].split("\n")[:2]
    assert first == "mass_1_source mass_2_source"
    assert second == " ".join(f"{cell:.18e}" for cell in rows[0, 0])
    packed = zip_bytes(written)
    assert packed == zip_bytes(written)
    again = read_events(unpack({"all.zip": packed})[0])
    assert np.array_equal(again.m1, catalogue.m1) and np.array_equal(again.m2, catalogue.m2)


def test_a_log_prior_is_written_as_a_third_column():
    raw = text("m1 m2 log_prior", rows=[(30, 20, -1.5)] * 60)
    catalogue = read_events({"a.dat": raw}, ("m1", "m2", "log_prior"))
    (content,) = write_event_files(catalogue).values()
    assert content.startswith("mass_1_source mass_2_source log_prior\n")
    columns = ("mass_1_source", "mass_2_source", "log_prior")
    assert (read_events({"a.dat": content.encode()}, columns).log_prior == -1.5).all()


def test_the_table_of_events_has_quantiles_and_notes():
    files = {"a.dat": text(), "b.dat": text(rows=[(30, 20)] * 5)}
    table = event_table(read_events(files))
    assert table["event"].tolist() == ["a", "b"] and table["rows"].tolist() == [60, 5]
    assert table["m1 5 %"][0] == pytest.approx(21) and table["m1 95 %"][0] == pytest.approx(39)
    assert table["m2 50 %"].tolist() == pytest.approx([14.5, 20])
    assert table["notes"][0] == "" and "5 rows of samples" in table["notes"][1]
