"""Catalogues by their specs: bundled, and uploaded to the store."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

import hbdash
from hbdash.population.bundled import DIGITS, SETTINGS, bundled, tables
from hbdash.population.catalogue import Catalogue, Note, joined, load_catalogue
from hbdash.population.catalogue_sources import (
    BundledCatalogue,
    CatalogueSource,
    GeneratedCatalogue,
    UploadedEvents,
)
from hbdash.population.kept_events import keep_events, kept_events
from hbdash.population.kept_files import keep_file
from hbdash.population.mock import generate

ROWS = b"mass_1_source mass_2_source\n" + b"30 20\n31 21\n" * 40


def test_the_bundled_catalogue_is_what_its_settings_generate():
    written = tables(generate(SETTINGS))
    stored, fresh = bundled(), generate(SETTINGS)
    assert stored.names == fresh.names and np.array_equal(stored.offsets, fresh.offsets)
    # Rounded to five digits, one more or less where another machine rounds otherwise.
    tolerance = 10.0 ** (1 - DIGITS)
    assert np.allclose(stored.m1, fresh.m1, rtol=tolerance, atol=0)
    assert np.allclose(stored.m2, fresh.m2, rtol=tolerance, atol=0)
    assert np.allclose(stored.true_masses, fresh.true_masses, rtol=tolerance, atol=0)
    assert stored.truth == fresh.truth == SETTINGS.truth
    assert sum(map(len, written.values())) < 500_000


def test_the_bundled_catalogue_is_small_and_known():
    catalogue = load_catalogue(BundledCatalogue())
    assert 35 <= len(catalogue.names) <= 45 and catalogue.sizes.max() <= 200
    assert catalogue.truth["alpha_pl_0"] == -1.0 and catalogue.truth["mmax_pl_0"] == 50.0
    assert (catalogue.m2 <= catalogue.m1).all() and (catalogue.m2 > 0).all()
    true1, true2 = catalogue.true_masses.T
    assert (true2 >= 10).all() and (true1 <= 50).all() and (true2 <= true1).all()
    assert not catalogue.notes and not catalogue.log_prior.any()
    assert "consistent with the likelihood" in catalogue.source
    assert load_catalogue(BundledCatalogue()) is catalogue


def test_the_tables_are_in_the_package():
    from importlib import resources

    folder = resources.files("hbdash.datasets")
    for name in ("population_samples.csv", "population_masses.csv"):
        assert folder.joinpath(name).is_file()
    assert hbdash.__file__


def test_a_catalogue_is_read_only_and_checks_its_shapes():
    catalogue = joined(["a", "b"], [np.ones((2, 3)), np.ones((1, 3))], source="x")
    assert catalogue.log_prior.tolist() == [1, 1, 1] and catalogue.event_index.tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="read-only"):
        catalogue.m1[0] = 3
    with pytest.raises(ValueError, match=r"must have a row at least, got \[2, 0\] rows"):
        joined(["a", "b"], [np.ones((2, 2)), np.ones((0, 2))])
    with pytest.raises(ValueError, match="must have a row at least"):
        joined(["a", "b", "c"], [np.ones((2, 2)), np.ones((1, 2))])
    one = np.ones(3)
    with pytest.raises(ValueError, match="All columns must have 3 rows"):
        Catalogue(("a",), one, np.ones(2), one, np.array([0, 3]))


def test_uploads_are_kept_and_named_by_their_hash():
    files = {"event_10.dat": ROWS, "event_2.dat": ROWS.replace(b"30", b"40")}
    sha256 = keep_events(files)
    assert sha256 == keep_events(dict(reversed(files.items()))), "order is no part of the content"
    assert sha256 != keep_events({"event_2.dat": ROWS})
    assert kept_events(sha256) == files
    catalogue = load_catalogue(UploadedEvents(sha256=sha256))
    assert catalogue.names == ("event_2", "event_10") and catalogue.m1[0] == 40
    assert catalogue.source == f"Uploaded events {sha256[:8]}" and catalogue.truth == {}
    thin = load_catalogue(UploadedEvents(sha256=sha256, thin=60))
    assert thin.sizes.tolist() == [60, 60]
    swapped = UploadedEvents(sha256=sha256, columns=("mass_2_source", "mass_1_source"))
    assert load_catalogue(swapped).notes[0].about == "swapped"


def test_options_of_an_upload_reach_the_reader():
    sha256 = keep_events({"event_0.dat": ROWS + b"nan 20\n"})
    with pytest.raises(ValueError, match='event_0.dat .* "mass_1_source", got nan in row 82'):
        load_catalogue(UploadedEvents(sha256=sha256))
    catalogue = load_catalogue(UploadedEvents(sha256=sha256, drop_invalid=True))
    assert catalogue.notes[0] == Note("warn", "event_0", catalogue.notes[0].text, "dropped")
    assert catalogue.sizes.tolist() == [80]


def test_an_upload_that_is_not_here_says_so():
    with pytest.raises(LookupError, match="uploaded events aaaa… are not in this machine's store"):
        load_catalogue(UploadedEvents(sha256="a" * 64))
    other = keep_file(b"a network")
    with pytest.raises(LookupError, match="holds no event files, but something else"):
        load_catalogue(UploadedEvents(sha256=other))
    with pytest.raises(ValueError, match="one event file at least, got none"):
        keep_events({})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": "uploaded_events", "sha256": "A" * 64}, "should match pattern"),
        (
            {"source": "uploaded_events", "sha256": "a" * 64, "columns": ["m1", "m1"]},
            "must be different ones for m1, m2 and log_prior, got m1, m1",
        ),
        (
            {"source": "uploaded_events", "sha256": "a" * 64, "thin": 0},
            "greater than or equal to 1",
        ),
        (
            {"source": "uploaded_events", "sha256": "a" * 64, "thin_seed": -1},
            "greater than or equal",
        ),
        ({"source": "elsewhere"}, "bundled.*generated.*uploaded_events"),
        ({"source": "bundled", "seed": 1}, "Extra inputs are not permitted"),
    ],
)
def test_specs_say_what_is_wrong(given, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(CatalogueSource).validate_python(given)


def test_specs_are_told_apart_by_their_source():
    adapter = TypeAdapter(CatalogueSource)
    for spec in (BundledCatalogue(), GeneratedCatalogue(), UploadedEvents(sha256="a" * 64)):
        assert adapter.validate_json(adapter.dump_json(spec)) == spec
        assert hash(spec) == hash(adapter.validate_json(adapter.dump_json(spec)))
