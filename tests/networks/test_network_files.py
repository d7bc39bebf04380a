"""Network files: round trips, and files that nobody should believe."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.networks import zoo
from engine.networks.arithmetic import NetworkError
from engine.networks.files import LARGEST_FILE, dump, load, parse
from engine.networks.layers import NEWEST_VERSION, Network

NETWORKS = tuple(name for name in zoo.names() if zoo.card(name).kind == "network")
LENET = json.loads(dump(zoo.make("lenet-5", (1, 32, 32), 10)))


def changed(**fields):
    return json.dumps({**LENET, **fields}).encode()


def with_layer(number, **fields):
    layers = [dict(layer) for layer in LENET["body"]["layers"]]
    layers[number] |= fields
    return changed(body={**LENET["body"], "layers": layers})


@pytest.mark.parametrize("name", NETWORKS)
def test_zoo_survives_the_file(name, tmp_path):
    side = max(40, zoo.card(name).smallest)
    network = zoo.make(name, (3, side + 8, side), 7)
    path = tmp_path / "own.json"
    path.write_bytes(dump(network))
    assert load(path) == network


def test_file_is_plain_to_read():
    text = dump(zoo.make("lenet-5", (1, 32, 32), 10)).decode()
    assert '"type": "conv"' in text
    assert '"type": "pool"' in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"\x89PNG\r\n\x1a\n", "not JSON"),
        (b"[]", "no body"),
        (b"null", "no body"),
        (b'{"body": 3}', "body is not a layer"),
        (b'{"body": {"type": 3}}', "body is not a layer"),
        (changed(body=LENET["body"]["layers"]), "body is not a layer"),
        (changed(body=LENET["body"]["layers"][0]), "not a network"),
        (changed(version=NEWEST_VERSION + 1), f"version {NEWEST_VERSION + 1}"),
        (changed(version=0), "not a network"),
        (changed(version="1"), "not a network"),
        (changed(colour="red"), '"colour".*not known'),
        (changed(clases=3), "Did you mean classes"),
        (changed(classes=0), "not a network"),
        (changed(classes=True), "not a network"),
        (changed(classes=11), "10 values.*11 classes"),
        (changed(input=[1, 28, 28]), "too small for layer conv5"),
        (changed(input=[1, 32]), "not a network"),
        (changed(input=[1, 32, 10**30]), "not a network"),
        (changed(name="x" * 1000), "not a network"),
        (with_layer(0, type="convv"), "Did you mean conv"),
        (with_layer(0, type="lineer"), "Did you mean linear"),
        (with_layer(0, type="qqqqqq"), "Known are: conv, depthwise-conv"),
        (with_layer(0, type="x" * 1_000_000), "not known"),
        (with_layer(0, filtres=3), "Did you mean filters"),
        (with_layer(0, units=3), '"units".*not known'),
        (with_layer(0, filters=10**12), "not a network"),
        (with_layer(0, filters=-1), "not a network"),
        (with_layer(0, filters=6.5), "not a network"),
        (with_layer(0, filters=None), "not a network"),
        (with_layer(0, kernel=5), "not a network"),
        (with_layer(0, kernel=[5]), "not a network"),
        (with_layer(0, stride=[0, 0]), "not a network"),
        (with_layer(0, name="../../etc"), "not a network"),
        (with_layer(0, name="conv1\n"), "not a network"),
        (with_layer(1, name="conv1"), "Two layers are called conv1"),
        (with_layer(1, slope=None), "not a network"),
        (with_layer(1, slope=1.0), "not a network"),
        (with_layer(1, kind="rely"), "not a network"),
        (dump(zoo.make("small-cnn", (3, 64, 64), 10)).replace(b'"rate": 0.2', b'"rate": NaN'), "not JSON"),
        (dump(zoo.make("small-cnn", (3, 64, 64), 10)).replace(b'"rate": 0.2', b'"rate": 1e999'), "not a network"),
        (with_layer(0, filters=1_000_000, kernel=[32, 32]) + b" ", "not|parameters"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(content, words):
    with pytest.raises(NetworkError, match=words) as caught:
        parse(content, "own.json")
    assert caught.value.remedy
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("depth", [70, 900, 3000, 200_000])
def test_nesting_without_end_is_refused(depth):
    opening = b'{"type": "sequence", "name": "s", "layers": ['
    content = b'{"body": ' + opening * depth + b"]}" * depth + b"}"
    with pytest.raises(NetworkError, match=r"nested|larger"):
        parse(content, "deep.json")


def test_brackets_without_end_are_refused():
    with pytest.raises(NetworkError, match="not a network"):
        parse(b"[" * 1_000_000, "deep.json")


def test_large_files_are_not_read(tmp_path):
    path = tmp_path / "large.json"
    path.write_bytes(b" " * (LARGEST_FILE + 1))
    with pytest.raises(NetworkError, match="larger than 8 MB"):
        load(path)


def test_missing_file_is_the_systems_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(tree, path=()):
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def put(tree, path, value):
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = put(tree[path[0]], path[1:], value)
    return copy


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(places(LENET))), JSON)
def test_any_wrong_value_anywhere_gives_a_network_or_a_sentence(path, value):
    content = msgspec.json.encode(put(LENET, path, value))
    try:
        network = parse(content, "own.json")
    except NetworkError:
        return
    assert isinstance(network, Network)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_sentence(content):
    with pytest.raises(NetworkError):
        parse(content, "own.json")
