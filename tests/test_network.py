"""Networks from HDF5: read as they are written, honoured in their order, refused when damaged."""

import io
import os

import h5py
import jax.numpy as jnp
import numpy as np
import pytest

from hbdash.population import hdf5_reading
from hbdash.population.kept_files import is_kept, keep_file, kept_file
from hbdash.population.network import forward, read_network
from tests.network_files import layers, network_bytes, product_of_roots, replace

WHERE = "vt.hdf5"


def test_a_network_is_relu_between_layers_and_linear_at_last():
    net = read_network(network_bytes(product_of_roots()), WHERE)
    m1, m2 = np.array([30.0, 3.0]), np.array([20.0, 2.0])
    expected = [-9 + 0.02 * 25 + 0.05 * 20, -9 + 0.05 * 2]
    np.testing.assert_allclose(net.log_vt(m1, m2), expected, rtol=1e-15)
    assert net.log_vt(m1[:, None], m2[None, :]).shape == (2, 2)
    assert net.log_vt(np.array(30.0), np.array(20.0)).shape == ()


def test_deep_float32_networks_agree_with_layers_written_out():
    weights = layers((2, 5, 5, 5, 5, 1), scale=0.5)
    net = read_network(network_bytes(weights), WHERE)
    rng = np.random.default_rng(1)
    m = rng.uniform(1, 100, (2, 40))
    x = m
    for i, (weight, bias) in enumerate(weights):
        x = weight.astype(float) @ x + bias.astype(float)[:, None]
        x = np.maximum(x, 0) if i < len(weights) - 1 else x
    np.testing.assert_allclose(net.log_vt(*m), x[0], rtol=1e-13)
    in_jax = forward([*map(jnp.asarray, net.weights)], [*map(jnp.asarray, net.biases)], m)
    np.testing.assert_allclose(in_jax, x[0], rtol=1e-13)
    assert all(w.dtype == np.float64 for w in net.weights)


def test_many_masses_are_evaluated_in_blocks():
    net = read_network(network_bytes(product_of_roots()), WHERE)
    m = np.linspace(6, 90, 20_001)
    np.testing.assert_allclose(net.log_vt(m, m), -9 + 0.02 * (m - 5) + 0.05 * m, rtol=1e-13)


def test_the_order_of_names_is_honoured():
    swapped = read_network(
        network_bytes(product_of_roots(), ("mass_2_source", "mass_1_source")), WHERE
    )
    straight = read_network(network_bytes(product_of_roots()), WHERE)
    m1, m2 = np.array([40.0]), np.array([10.0])
    assert swapped.log_vt(m1, m2) == straight.log_vt(m2, m1) != straight.log_vt(m1, m2)
    assert swapped.inputs == (1, 0)


def test_a_network_may_take_one_mass():
    one = [(np.array([[0.1]]), np.array([-8.0]))]
    net = read_network(network_bytes(one, ("mass_2_source",)), WHERE)
    np.testing.assert_allclose(net.log_vt(np.array([50.0]), np.array([10.0])), [-7.0])


def nothing(file):
    for name in list(file):
        del file[name]


def elsewhere(file):
    del file["layer_0"]
    file["layer_0"] = h5py.ExternalLink("other.hdf5", "/layer_0")


def soft(file):
    del file["depth"]
    file["depth"] = h5py.SoftLink("/in_size")


def outside(file):
    del file["layer_0/bias_0"]
    file["layer_0"].create_dataset("bias_0", shape=(3,), dtype="f4", external=[(os.devnull, 0, 12)])


def virtual(file):
    del file["layer_0/bias_0"]
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource("other.hdf5", "bias", (3,))
    file["layer_0"].create_virtual_dataset("bias_0", layout)


def bomb(file):
    del file["width_size"], file["layer_0/weight_0"]
    file["width_size"] = 4000
    file["layer_0"].create_dataset(
        "weight_0", shape=(10**6, 10**6), dtype="f8", chunks=(1000, 1000), compression="gzip"
    )


def one_more(file):
    file.create_group("layer_3")


def two_outputs(file):
    del file["out_size"]
    file["out_size"] = 2


NAN = np.array([[1.0, np.nan], [0, 0], [0, 0]])
DAMAGED = {
    "no weights": (replace("layer_1/weight_1", None), "must have a dataset `layer_1/weight_1`"),
    "no layer": (replace("layer_2", None), "must have a dataset `layer_2/weight_2`"),
    "no names": (replace("names", None), "it has depth, in_size, layer_0"),
    "empty": (nothing, "a dataset `names`: it is empty"),
    "wrong shape": (
        replace("layer_1/weight_1", np.zeros((3, 4))),
        r"`layer_1/weight_1` must have shape \(3, 3\), got \(3, 4\)",
    ),
    "transposed": (
        replace("layer_0/weight_0", np.zeros((2, 3))),
        r"`layer_0/weight_0` must have shape \(3, 2\), got \(2, 3\)",
    ),
    "bias": (replace("layer_2/bias_2", 1.0), r"`layer_2/bias_2` must have shape \(1,\), got \(\)"),
    "NaN": (replace("layer_0/weight_0", NAN), "got 1 of 6 entries that are NaN"),
    "text": (replace("layer_0/bias_0", np.array(["a", "b", "c"], "S1")), "must hold numbers"),
    "complex": (replace("layer_0/bias_0", np.zeros(3, complex)), "must hold numbers"),
    "group": (
        lambda file: (replace("depth", None)(file), file.create_group("depth")),
        "`depth` must be a dataset, got a group",
    ),
    "null": (replace("depth", h5py.Empty("i4")), "`depth` must not be empty"),
    "depth": (replace("depth", 1), "layer_1 must be the last, got layer_2"),
    "negative depth": (replace("depth", -1), "an integer from 0 to 32, got -1"),
    "half a depth": (replace("depth", 2.5), "an integer from 0 to 32, got 2.5"),
    "list of depths": (replace("depth", [2, 2]), "`depth` must have at most 1 entries, got 2"),
    "one layer more": (one_more, "`depth` is 2, so layer_2 must be the last, got layer_3"),
    "width": (replace("width_size", 4), r"must have shape \(4, 2\), got \(3, 2\)"),
    "in_size": (replace("in_size", 3), "`in_size` must be the number of `names`, 2, got 3"),
    "two outputs": (two_outputs, "`out_size` must be 1, got 2"),
    "numbers for names": (replace("names", [1, 2]), "`names` must hold text"),
    "one name": (
        replace("names", np.array(b"mass_1_source")),
        "must be a list of at most 64 words",
    ),
    "the same twice": (replace("names", np.array(["mass_1_source"] * 2, "S")), "each once"),
    "a link out": (elsewhere, "`layer_0/weight_0` must lie in the file itself, got a link"),
    "a soft link": (soft, "`depth` must lie in the file itself, got a link"),
    "bytes of another file": (outside, "`layer_0/bias_0` must lie in the file itself"),
    "pieces of another file": (virtual, "`layer_0/bias_0` must lie in the file itself"),
    "huge when unpacked": (bomb, "at most 5,000,000 weights, got 16,012,000"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_networks_are_refused_in_words(damage):
    change, message = DAMAGED[damage]
    with pytest.raises(ValueError, match=message) as refused:
        read_network(network_bytes(layers(), change=change), WHERE)
    assert str(refused.value).startswith(WHERE)


def test_other_inputs_are_listed():
    content = network_bytes(layers((3, 3, 1)), ("mass_1_source", "redshift", "eccentricity"))
    with pytest.raises(ValueError) as refused:
        read_network(content, WHERE)
    assert str(refused.value) == (
        "vt.hdf5: the network takes mass_1_source, redshift, eccentricity; redshift, eccentricity "
        "are not among the columns of this population, mass_1_source and mass_2_source."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be an HDF5 file"),
        (b"PK\x03\x04 not this", "must be an HDF5 file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "is a Git LFS pointer"),
        (network_bytes(layers())[:700], "is damaged"),
        (hdf5_reading.SIGNATURE + bytes(3000), "is damaged"),
    ],
)
def test_what_is_not_hdf5_is_refused(content, message):
    with pytest.raises(ValueError, match=f"vt.hdf5 {message}"):
        read_network(content, WHERE)


def test_files_beyond_the_limit_are_not_opened(monkeypatch):
    content = network_bytes(layers())
    monkeypatch.setattr(hdf5_reading, "MOST_BYTES", 1000)
    monkeypatch.setattr(hdf5_reading.h5py, "File", None)
    with pytest.raises(ValueError, match="vt.hdf5 must have at most 0 MB, got 0.0 MB"):
        read_network(content, WHERE)


def test_no_flip_of_a_byte_does_worse_than_a_message():
    whole = network_bytes(layers())
    rng = np.random.default_rng(3)
    for at in rng.integers(8, len(whole), 150):
        content = bytearray(whole)
        content[at] ^= int(rng.integers(1, 256))
        try:
            net = read_network(bytes(content), WHERE)
        except ValueError as refused:
            assert str(refused).startswith(WHERE)
        else:
            assert np.isfinite(net.log_vt(np.array([3.0]), np.array([2.0]))).all()


def test_variable_length_names_are_read():
    def change(file):
        del file["names"]
        file.create_dataset("names", data=["mass_1_source", "mass_2_source"])

    content = network_bytes(product_of_roots(), change=change)
    with h5py.File(io.BytesIO(content)) as file:
        assert file["names"].dtype.kind == "O"
    assert read_network(content, WHERE).names == ("mass_1_source", "mass_2_source")


def test_files_are_kept_by_their_hash_and_verified(tmp_path, monkeypatch):
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path))
    sha256 = keep_file(b"abc")
    assert sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert keep_file(b"abc") == sha256 and kept_file(sha256) == b"abc" and is_kept(sha256)
    assert [path.name for path in (tmp_path / "files").iterdir()] == [sha256]
    (tmp_path / "files" / sha256).write_bytes(b"abd")
    with pytest.raises(LookupError, match="ba78… .*it was damaged and has been set aside"):
        kept_file(sha256)
    with pytest.raises(LookupError, match="upload it again"):
        kept_file(sha256)
    assert not is_kept(sha256)
    keep_file(b"abc")
    (tmp_path / "files" / sha256).write_bytes(b"")
    assert keep_file(b"abc") == sha256 and kept_file(sha256) == b"abc"


@pytest.mark.parametrize("sha256", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_hashes_name_kept_files(sha256):
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        kept_file(sha256)
