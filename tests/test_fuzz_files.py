"""Files and links that went wrong: each is read or refused in words that name file or field."""

import io
import json
import re
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbdash.new_rows import check_rows, read_rows
from hbdash.population.archive import unpack
from hbdash.population.event_files import columns_of, guess_columns, read_events
from hbdash.population.pmean import read_pmean
from hbdash.tables.column_guess import guess
from hbdash.tables.csv_table import read_csv
from hbdash.tables.regression_upload import guess_regression, tidy_regression
from hbdash.tables.upload import tidy
from hbdash.ui import funnel_lab, link, missing_lab, regression_lab
from hbdash.ui.draft import Draft
from hbdash.ui.population import link as population_link
from hbdash.ui.population.draft import PopulationDraft
from tests import nasty
from tests.fake_missing import fake_missing

ROWS = b"group,value\n" + b"".join(f"{g},{g_}.5\n".encode() for g_, g in enumerate("aabbcc"))
TABLES = [
    ROWS,
    b"\xef\xbb\xbfschool;effect;se\r\nA;1,5;2\r\nB;-3;0,5\r\n",
    "gruppe\twert\nä\t1e3\nß\t2\n".encode("utf-16"),
    b"y,x1,x2,group\n1,2,3,a\n2,,3.5,a\n3,1,9,b\n1,4,2,b\n",
    b'group,value\n"a\nb",1\n"c""d",2\n',
]
EVENT = b"# mass_1_source mass_2_source\n" + b"30.5 20.25\n31 21\n29 22\n" * 3
LABS = (funnel_lab.LAB, regression_lab.LAB, missing_lab.LAB)


def hdf5(**datasets: np.ndarray) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as tree:
        for name, values in datasets.items():
            tree[name.replace("__", "/")] = values
    return file.getvalue()


def samples(rows: int) -> np.ndarray:
    table = np.zeros(rows, [("mass_1_source", "<f8"), ("mass_2_source", "<f8")])
    table["mass_1_source"], table["mass_2_source"] = 30, 20
    return table


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            # With the archive's own first date, so that its bytes are the same at any time.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


@st.composite
def tables(draw) -> bytes:
    """Write a table of odd cells under odd names."""
    cell = nasty.texts | st.sampled_from(["1", "2.5", "a", "b", "-3e2"])
    width = draw(st.integers(1, 5))
    rows = draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=6))
    separator = draw(st.sampled_from([",", ";", "\t"]))
    text = "\n".join(separator.join(row) for row in rows)
    return text.encode(draw(st.sampled_from(["utf-8", "utf-16"])), "surrogatepass")


def read_any_csv(raw: bytes) -> None:
    table = read_csv(raw)
    for reader in (
        lambda: tidy(table, guess(table)).data(sigma=1.0),
        lambda: tidy_regression(table, guess_regression(table)),
    ):
        try:
            reader()
        except Exception as error:
            nasty.refusal(error)


def tried(reader, *given) -> None:
    try:
        reader(*given)
    except Exception as error:
        nasty.refusal(error)


@nasty.profile(500)
@given(tables() | nasty.torn(TABLES) | st.binary(max_size=60))
def test_tables(raw):
    tried(read_any_csv, raw)


@pytest.fixture(scope="module")
def run():
    return fake_missing()


@nasty.profile(150)
@given(raw=tables() | nasty.torn([b"group,x1\na,1\n"]))
def test_new_rows(run, raw):
    tried(lambda: check_rows(read_rows(raw, run), run))


def read_any_events(files: dict[str, bytes]) -> None:
    found, _ = unpack(files)
    columns = guess_columns(columns_of(found))
    read_events(found, columns, drop_invalid=True, thin=5)


EVENTS = [
    EVENT,
    b"mass_1_source,mass_2_source,log_prior\n30,20,0.5\n31,19,0.25\n",
    hdf5(posterior_samples=samples(4)),
    zipped(**{"posteriors/event_0.dat": EVENT, "posteriors/event_1.dat": EVENT}),
]
NAMES = st.sampled_from(["event_0.dat", "a.zip", "e.h5", "event_" + "9" * 5000 + ".dat"])


@nasty.profile(500)
@given(st.dictionaries(NAMES | nasty.texts, nasty.torn(EVENTS), min_size=1, max_size=2))
def test_event_files(files):
    tried(read_any_events, files)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@nasty.profile(150)
@given(st.lists(nasty.texts.filter(lambda name: "\0" not in name), max_size=3), nasty.torn([EVENT]))
def test_names_in_archives(names, content):
    def reader():
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name in names:
                name = name.encode("utf-8", "replace").decode() + ".dat"
                archive.writestr(zipfile.ZipInfo(name), content)
        read_any_events({"a.zip": file.getvalue()})

    tried(reader)


def bomb(rows: int, sets: int) -> bytes:
    """Write datasets that are nothing on the disk, and much in memory."""
    file = io.BytesIO()
    with h5py.File(file, "w") as tree:
        for k in range(sets):
            tree.create_dataset(
                f"event_{k}/posterior_samples", rows, samples(1).dtype, chunks=(100_000,),
                compression="gzip", fillvalue=samples(1)[0],
            )  # fmt: skip
    return file.getvalue()


BOMBS = {
    "rows": lambda: {"e.h5": bomb(3_000_000, 1)},
    "datasets": lambda: {"e.h5": bomb(2_000_000, 200)},
    "files": lambda: {f"e{k}.h5": bomb(2_000_000, 10) for k in range(8)},
    "zip": lambda: {"a.zip": zipped(**{"e.dat": EVENT + b"30 20\n" * 5_000_000})},
    "zip in zip": lambda: {"a.zip": zipped(**{"b.zip": zipped(**{"e.dat": EVENT})})},
    "wide": lambda: {"e.dat": b" ".join([b"c"] * 100_000) + b"\n" + b"1 " * 100_000},
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_take_no_memory(kind):
    files = BOMBS[kind]()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="must") as refused:
            read_any_events(files)
        assert tracemalloc.get_traced_memory()[1] < 300e6
    finally:
        tracemalloc.stop()
    nasty.refusal(refused.value)


WIDE = {
    "columns": b",".join(b"c%d" % k for k in range(100_000)) + b"\n" + b"1," * 99_999 + b"1\n",
    "a cell": b"group,value\n" + b"a" * 5_000_000 + b",1\nb,2\n",
    "a name": b"group," + b"v" * 5_000_000 + b"\na,1\nb,2\n",
    "quotes": b'group,value\n"' + b'""' * 1_000_000 + b",1\n",
    "separators": b"a,b\n" + b"," * 1_000_000,
}


@pytest.mark.parametrize("kind", WIDE)
def test_wide_tables(kind):
    tried(read_any_csv, WIDE[kind])


def empty(rows: int, kind: np.dtype) -> np.ndarray:
    table = np.zeros(rows, kind)
    if kind[0] == h5py.ref_dtype:
        table["mass_1_source"] = h5py.Reference()
    return table


REFERENCES = {
    "references": np.dtype([("mass_1_source", h5py.ref_dtype), ("mass_2_source", "<f8")]),
    "text": np.dtype([("mass_1_source", "S8"), ("mass_2_source", "<f8")]),
}


@pytest.mark.parametrize("kind", REFERENCES)
def test_objects_in_hdf5_are_refused(kind):
    with pytest.raises(ValueError, match="must hold numbers"):
        read_any_events({"e.h5": hdf5(posterior_samples=empty(3, REFERENCES[kind]))})


def test_pickles_are_not_loaded():
    file = io.BytesIO()
    np.save(file, np.array([object()]), allow_pickle=True)
    for read in (read_any_csv, lambda raw: read_any_events({"e.dat": raw})):
        with pytest.raises(ValueError):
            read(file.getvalue())
    text = json.dumps({"estimator_type": "neural_vt", "filename": "net.hdf5"})
    with pytest.raises(ValueError, match="HDF5"):
        read_pmean(text, "pmean.json", uploads={"net.hdf5": file.getvalue()})


FIELDS = [(lab, sorted(link.fields(lab))) for lab in LABS]


@nasty.profile(400)
@given(
    st.sampled_from(FIELDS).flatmap(
        lambda of: st.tuples(
            st.just(of[0]),
            st.dictionaries(st.sampled_from([*of[1], "d", "v"]) | nasty.texts, nasty.texts),
            st.sampled_from(["", *of[0].sources]),
        )
    )
)
def test_links_of_labs(given):
    lab, query, source = given
    draft, refused = link.from_query(lab, query | ({"d": source} if source else {}))
    assert isinstance(draft, Draft)
    for message in refused:
        message.encode()
        assert len(message) < 2000 and re.match("[^:=]*[:=]|The link", message)
    assert link.from_query(lab, link.to_query(lab, draft)) == (draft, [])


WORDS = st.sampled_from(
    ["generated..seed.3", "aies..moves.{}", "neural_vt..filename.a..sha256.%s" % ("0" * 64), "2",
     "6", "nuts..num_samples.1e9", "uploaded_events..columns.[1,[2]]", 'aies..seed."\\ud800"',
     "constant..vt.1", '{".*":{"dist":"Uniform","low":0,"high":1}}', '{"(a+)+":1}', "[" * 3000]
)  # fmt: skip


@nasty.profile(400)
@given(
    st.dictionaries(
        st.sampled_from([*population_link.FIELDS.values(), "v"]) | nasty.texts, WORDS | nasty.texts
    )
)
def test_links_of_populations(query):
    draft, refused = population_link.from_query(query)
    assert isinstance(draft, PopulationDraft)
    for message in refused:
        message.encode()
        assert len(message) < 2000 and re.match("[^:=]*[:=]|The link", message)
