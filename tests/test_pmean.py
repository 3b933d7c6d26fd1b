"""pmean.json: read exactly, and refused with the key, the file and what to do."""

import hashlib
import json

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from hbdash.population.hdf5_reading import MOST_BYTES
from hbdash.population.injections import read_injections
from hbdash.population.kept_files import kept_file
from hbdash.population.pmean import (
    Analytic,
    Constant,
    Injections,
    NeuralVT,
    Pmean,
    needed_file,
    read_pmean,
)
from tests.network_files import layers, network_bytes, signals_bytes

WHERE = "pmean.json"
VT = network_bytes(layers())
TUTORIAL = {
    "estimator_type": "neural_vt",
    "filename": "neural_vt_1_200_1000_ecc_matters.hdf5",
    "time_scale": 248.0,
    "num_samples": 2000,
    "batch_size": 1000,
}
SIGNALS = {
    "mass1_source": np.array([30.0, 40.0, 20.0, 10.0]),
    "mass2_source": np.array([20.0, 40.0, 5.0, 8.0]),
    "sampling_pdf": np.array([1e-3, 2e-3, 4e-3, 8e-3]),
}


def read(content, **given):
    return read_pmean(json.dumps(content), WHERE, **given)


def refused(content, kind=ValueError, **given):
    with pytest.raises(kind) as error:
        read(content, **given)
    return str(error.value)


def test_the_tutorial_is_read_and_its_network_kept(tmp_path):
    (tmp_path / TUTORIAL["filename"]).write_bytes(VT)
    pmean = read(TUTORIAL, folder=tmp_path)
    sha256 = hashlib.sha256(VT).hexdigest()
    assert pmean == NeuralVT(**TUTORIAL, sha256=sha256) and pmean.method == "quadrature"
    assert kept_file(sha256) == VT and needed_file(pmean) is None
    # What was written once is read anywhere that has the file.
    assert read(pmean.model_dump(mode="json")) == pmean


def test_the_folder_is_that_of_the_file(tmp_path):
    (tmp_path / "vt").mkdir()
    (tmp_path / "vt" / "a.hdf5").write_bytes(VT)
    pmean = read({"estimator_type": "neural_vt", "filename": "vt/a.hdf5"}, folder=tmp_path)
    assert (pmean.time_scale, pmean.num_samples, pmean.batch_size) == (1.0, 1000, None)


def test_an_uploaded_network_is_found_by_its_name():
    pmean = read(TUTORIAL, uploads={TUTORIAL["filename"]: VT})
    assert pmean.sha256 == hashlib.sha256(VT).hexdigest()


def test_a_network_that_was_not_uploaded_is_asked_for():
    assert refused(TUTORIAL, LookupError) == (
        'pmean.json: `filename` is "neural_vt_1_200_1000_ecc_matters.hdf5": upload that file next '
        "to it."
    )
    assert needed_file(NeuralVT(**TUTORIAL)) == TUTORIAL["filename"]
    message = refused(TUTORIAL | {"sha256": "0" * 64}, LookupError)
    assert "0000… is not in this machine's store: upload it again" in message


def test_a_missing_file_is_named_with_the_folder(tmp_path):
    message = refused(TUTORIAL, folder=tmp_path)
    assert message.startswith(
        f"pmean.json: `filename` must be a file, found from the folder {tmp_path}; "
        '"neural_vt_1_200_1000_ecc_matters.hdf5" cannot be read: No such file'
    )
    assert "Is a directory" in refused(TUTORIAL | {"filename": "."}, folder=tmp_path)
    assert "cannot be read" in refused(TUTORIAL | {"filename": "x" * 999}, folder=tmp_path)


def test_another_hash_than_the_one_given_is_refused(tmp_path):
    (tmp_path / TUTORIAL["filename"]).write_bytes(VT)
    message = refused(TUTORIAL | {"sha256": "0" * 64}, folder=tmp_path)
    assert f"that of {TUTORIAL['filename']}, {hashlib.sha256(VT).hexdigest()[:8]}…" in message


def test_large_files_are_refused_before_they_are_read(tmp_path):
    with (tmp_path / TUTORIAL["filename"]).open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert "must have at most 50 MB, got 50.0 MB" in refused(TUTORIAL, folder=tmp_path)


def test_damaged_networks_are_not_kept(own_store, tmp_path):
    message = refused(TUTORIAL, uploads={TUTORIAL["filename"]: VT[:600]})
    assert message.startswith("neural_vt_1_200_1000_ecc_matters.hdf5 is damaged")
    assert not list((tmp_path / "store").rglob("*"))


def test_the_other_kinds():
    assert read({"estimator_type": "analytic", "time_scale": 248}) == Analytic(time_scale=248.0)
    assert read({"estimator_type": "constant", "vt": 1e-3}) == Constant(vt=1e-3)
    injections = {"estimator_type": "injection", "filename": "found.hdf5", "snr_cut": 9}
    pmean = read(injections, uploads={"found.hdf5": signals_bytes(SIGNALS)})
    assert isinstance(pmean, Injections) and (pmean.far_cut, pmean.snr_cut) == (1.0, 9.0)


def test_kinds_are_told_apart_inside_specs():
    union = TypeAdapter(Pmean)
    for pmean in (Analytic(), Constant(vt=1.0), NeuralVT(**TUTORIAL), Injections(filename="a")):
        assert union.validate_python(pmean.model_dump(mode="json")) == pmean
    with pytest.raises(ValidationError, match="num_samples"):
        union.validate_python({"estimator_type": "analytic", "num_samples": "2000"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"estimator_type": "neural_v"},
            "pmean.json: `estimator_type` must be one of neural_vt, injection, constant, analytic, "
            'got the text "neural_v". Did you mean neural_vt?',
        ),
        ({"estimator_type": None}, "pmean.json must have a key `estimator_type`"),
        ({"estimator_type": ["analytic"]}, 'got the list ["analytic"].'),
        (
            {"estimator_type": "custom"},
            "pmean.json: `estimator_type` custom is refused: it runs a Python file",
        ),
        ({"estimator_type": "neural_pdet"}, "neural_pdet is refused: its network gives"),
        ({"filename": None}, "pmean.json: `filename` must be a valid string, got null."),
        ({"filename": ""}, "pmean.json: `filename`"),
        ({"time_scale": 0}, "pmean.json: `time_scale` must be greater than 0, got 0."),
        ({"time_scale": -248.0}, "`time_scale` must be greater than 0, got -248.0."),
        ({"time_scale": "248"}, '`time_scale` must be a valid number, got the text "248".'),
        ({"num_samples": 0}, "`num_samples` must be greater than 0, got 0."),
        ({"num_samples": 2.5}, "`num_samples` must be a valid integer, got 2.5."),
        ({"num_samples": True}, "`num_samples` must be a valid integer, got true."),
        ({"num_samples": 10**7}, "`num_samples` must be less than or equal to 100000, got"),
        ({"batch_size": -1}, "`batch_size` must be greater than 0, got -1."),
        ({"method": "exact"}, "`method` must be 'quadrature' or 'monte_carlo', got"),
        ({"sha256": "abc"}, "`sha256`"),
        (
            {"batchsize": 100},
            "pmean.json: neural_vt has no key `batchsize`; it takes estimator_type, filename, "
            "sha256, time_scale, num_samples, batch_size, method. Did you mean batch_size?",
        ),
        ({"far_cut": 1.0}, "neural_vt has no key `far_cut`"),
    ],
)
def test_wrong_keys_are_named(change, message):
    assert message in refused(TUTORIAL | change, uploads={TUTORIAL["filename"]: VT})


def test_missing_keys_are_named():
    assert refused({"estimator_type": "neural_vt"}) == (
        "pmean.json: neural_vt must have a key `filename`."
    )
    assert refused({"estimator_type": "constant"}) == "pmean.json: constant must have a key `vt`."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "pmean.json must hold JSON, and is empty."),
        ("[]", "pmean.json must hold a JSON object"),
        ('{"estimator_type": "analytic",\n "time_scale": NaN}', "pmean.json, line 2, column 16"),
        ('{"estimator_type": "analytic",\n}', "pmean.json, line 2, column 1"),
        (
            '{"estimator_type": "constant", "vt": 1,\n "vt": 2}',
            'pmean.json, line 2, column 2: the key "vt" is there already',
        ),
    ],
)
def test_what_is_no_plain_json_is_refused_with_its_place(text, message):
    with pytest.raises(ValueError) as error:
        read_pmean(text, WHERE)
    assert message in str(error.value)


# Sets of signals


@pytest.mark.parametrize("group", ["injections", None])
@pytest.mark.parametrize("attribute", ["total_generated", "n_total"])
def test_signals_are_read_from_hdf5(group, attribute):
    found = read_injections(signals_bytes(SIGNALS, 1000, group, attribute), "found.hdf5")
    assert found.total == 1000
    np.testing.assert_array_equal(found.m1, SIGNALS["mass1_source"])
    np.testing.assert_allclose(found.log_pdraw, np.log(SIGNALS["sampling_pdf"]), rtol=1e-15)


def test_the_density_may_be_given_as_its_logarithm():
    columns = dict(SIGNALS)
    columns["lnpdraw_mass1_source_mass2_source"] = np.log(columns.pop("sampling_pdf"))
    found = read_injections(signals_bytes(columns), "found.hdf5")
    np.testing.assert_allclose(np.exp(found.log_pdraw), SIGNALS["sampling_pdf"], rtol=1e-14)


@pytest.mark.parametrize("separator", [" ", ",", "\t", "   "])
@pytest.mark.parametrize("mark", ["", "# "])
def test_signals_are_read_from_text(separator, mark):
    rows = zip(*SIGNALS.values(), strict=True)
    lines = ["# total_generated = 50", mark + separator.join(SIGNALS)]
    lines += [separator.join(map(repr, map(float, row))) for row in rows]
    found = read_injections("\n".join(lines).encode(), "found.txt")
    np.testing.assert_array_equal(found.m2, SIGNALS["mass2_source"])
    assert found.total == 50


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        ({"ifar": [2.0, 1.0, np.inf, 0.5]}, [30, 20]),
        ({"ifar_gstlal": [2.0, 0, 0, 0], "ifar_mbta": [0, 0, 0, 1.5]}, [30, 10]),
        ({"far": [0.5, 1.0, 2.0, np.nan]}, [30]),
        ({"snr": [10.0, 10.1, 3.0, 99.0]}, [40, 10]),
        ({"ifar": [2.0, 0, 0, 0], "optimal_snr_net": [0, 0, 0, 12.0]}, [30, 10]),
    ],
)
def test_cuts_say_what_was_found(columns, kept):
    content = signals_bytes(SIGNALS | {k: np.array(v) for k, v in columns.items()})
    assert list(read_injections(content, "found.hdf5").m1) == kept


def test_a_stricter_cut_finds_less():
    content = signals_bytes(SIGNALS | {"far": np.array([0.5, 0.05, 2.0, 0.2])})
    assert list(read_injections(content, "a", far_cut=0.1).m1) == [40]
    with pytest.raises(ValueError, match="none of 4 has a false-alarm rate below far_cut = 0.01"):
        read_injections(content, "a", far_cut=0.01)


def without(name):
    return {key: values for key, values in SIGNALS.items() if key != name}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (signals_bytes(SIGNALS, None), "must say how many signals were placed"),
        (signals_bytes(SIGNALS, 3), "at least the 4 signals listed, got 3"),
        (signals_bytes(SIGNALS, 10.5), "must be an integer of at least"),
        (signals_bytes(without("sampling_pdf")), "must have a column `sampling_pdf`"),
        (signals_bytes(without("mass1_source")), "must have a column `mass1_source`"),
        (
            signals_bytes(SIGNALS | {"redshift": np.ones(4)}),
            "has a column `redshift`, so its density covers more than the masses",
        ),
        (
            signals_bytes(SIGNALS | {"mass2_source": np.ones(3)}),
            "`mass2_source` must have as many entries as mass1_source, 4, got 3",
        ),
        (
            signals_bytes(SIGNALS | {"snr": np.ones(5)}),
            "`snr` must have as many entries as mass1_source, 4, got 5",
        ),
        (
            signals_bytes(SIGNALS | {"sampling_pdf": np.array([1, 1, 0.0, 1])}),
            "`sampling_pdf` must be positive, got 0 in entry 3",
        ),
        (
            signals_bytes(SIGNALS | {"mass1_source": np.array([1, np.nan, 1, 1])}),
            "`injections/mass1_source` must be finite, got 1 of 4",
        ),
        (b"", "must have a line of column names"),
        (b"# n_total = 9\nm1 m2\n", "must have a line of column names, and then a line a signal"),
        (b"mass1_source mass2_source sampling_pdf\n1 2\n", "line 2 must have 3 cells"),
        (
            b"mass1_source mass2_source sampling_pdf\n1 2 3\n1 x 3\n",
            'line 3: `mass2_source` must be a finite number, got "x"',
        ),
        (
            b"mass1_source mass2_source sampling_pdf\n1 2 inf\n",
            'line 2: `sampling_pdf` must be a finite number, got "inf"',
        ),
    ],
)
def test_wrong_signals_are_refused_in_words(content, message):
    with pytest.raises(ValueError) as error:
        read_injections(content, "found")
    assert str(error.value).startswith("found") and message in str(error.value)
