"""Network files from anyone: each gives one clear sentence, quickly and in bounded memory, wherever in the tree the fault lies."""

from __future__ import annotations

import gc
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from engine.networks import zoo
from engine.networks.arithmetic import NetworkError, analyse
from engine.networks.files import LARGEST_FILE, MOST_LAYERS, dump, load, parse
from engine.networks.layers import NEWEST_VERSION
from tests.measured_command import measured

SECONDS = 3.0
LONGEST = 700
CONV: dict[str, Any] = {"type": "conv", "name": "conv", "filters": 4, "kernel": [1, 1]}
FLATTEN, LINEAR = {"type": "flatten", "name": "flatten"}, {"type": "linear", "name": "linear", "units": 2}


def network(*layers: object, **fields: object) -> bytes:
    body = {"type": "sequence", "name": "body", "layers": [*layers, FLATTEN, LINEAR]}
    whole = {"name": "own", "title": "Own", "year": 0, "family": "own", "input": [1, 8, 8], "classes": 2, "body": body, **fields}
    return json.dumps(whole).encode()


def refused(content: bytes, complete: bool = True) -> NetworkError:
    gc.freeze()  # what other tests have left is not this file's
    begun = time.process_time()
    try:
        with pytest.raises(NetworkError) as caught:
            parse(content, "own.json", complete)
        assert time.process_time() - begun < SECONDS
    finally:
        gc.unfreeze()
    text = str(caught.value)
    assert caught.value.remedy and len(text) < LONGEST and "\n" not in text and text.isprintable()
    return caught.value


def within(layer: object, place: str) -> dict[str, Any]:
    return {
        "sequence": {"type": "sequence", "name": "group", "layers": [layer]},
        "body": {"type": "residual", "name": "sum", "body": [layer]},
        "shortcut": {"type": "residual", "name": "sum", "body": [CONV], "shortcut": [layer]},
        "branches": {"type": "branches", "name": "join", "branches": [{"type": "sequence", "name": "a", "layers": [CONV, layer]}]},
        "auxiliary": {"type": "auxiliary", "name": "head", "layers": [layer]},
    }[place]


PLACES = ("sequence", "body", "shortcut", "branches", "auxiliary")


def test_what_the_tests_change_is_a_network() -> None:
    assert parse(network(CONV), "own.json").input == (1, 8, 8)


@pytest.mark.parametrize("outer", PLACES)
@pytest.mark.parametrize("place", PLACES)
def test_unknown_words_at_any_depth_get_the_nearest(place: str, outer: str) -> None:
    for wrong, word, nearest in (
        ({**CONV, "type": "convv"}, "convv", "conv"),
        ({**CONV, "type": "max-pol"}, "max-pol", "pool"),
        ({**CONV, "strde": [1, 1]}, "strde", "stride"),
        ({**LINEAR, "unit": 3}, "unit", "units"),
    ):
        error = refused(network(within(within(wrong, place), outer)), complete=False)
        assert f'"{word}"' in error.message and nearest in error.remedy
        assert "body.layers[0]." in error.message  # where


@pytest.mark.parametrize("place", PLACES)
def test_fields_of_containers_are_checked_too(place: str) -> None:
    error = refused(network({**within(CONV, place), "scal": 2}))
    assert '"scal"' in error.message


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wrong", [None, 3, "conv", [], [[]], True, {"type": None}, {}, {"type": ["conv"]}, {"name": "x"}])
def test_what_is_no_layer_at_any_depth(wrong: object, place: str) -> None:
    refused(network(within(wrong, place)))


@pytest.mark.parametrize("field", ["layers", "body", "shortcut", "branches"])
@pytest.mark.parametrize("wrong", [None, 3, {}, {"0": CONV}, "conv", [None]])
def test_what_is_no_list_of_layers(field: str, wrong: object) -> None:
    kind = {"layers": "sequence", "body": "residual", "shortcut": "residual", "branches": "branches"}[field]
    refused(
        network(
            {"type": kind, "name": "x", "body": [CONV], field: wrong} if kind == "residual" else {"type": kind, "name": "x", field: wrong}
        )
    )


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("depth", [70, 1000, 50_000])
def test_containers_without_end(place: str, depth: int) -> None:
    opening, closing = json.dumps(within("*", place)).encode().split(b'"*"')
    content = network("*").replace(b'"*"', opening * depth + json.dumps(CONV).encode() + closing * depth)
    error = refused(content, complete=False)
    assert "nested" in error.message or "larger" in error.message


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000, b'{"body":' * 100_000 + b"1" + b"}" * 100_000]
)
def test_brackets_without_end(content: bytes) -> None:
    refused(content)
    refused(network(title="*").replace(b'"*"', content))


@pytest.mark.parametrize("version", [NEWEST_VERSION + 1, 99, 10**15, 10**30])
def test_versions_of_the_future(version: int) -> None:
    error = refused(network(version=version))
    assert "version" in error.message and "Update" in error.remedy


@pytest.mark.parametrize("version", ["0", "-1", "1.5", '"2"', "null", "[]", "true", "9" * 400, "9" * 5000, "-" + "9" * 5000, "1e400"])
def test_versions_that_are_none(version: str) -> None:
    refused(network(version="*").replace(b'"*"', version.encode()))


def test_a_thousand_million_parameters_are_counted_and_not_made() -> None:
    begun = time.process_time()
    found = parse(network({**CONV, "filters": 1_000_000, "kernel": [8, 8]}), "own.json")
    assert analyse(found).parameters == 65 * 10**6 + 10**6 * 2 + 2
    wide = [FLATTEN | {"name": "flat"}, LINEAR | {"name": "wide", "units": 1_000_000}, LINEAR | {"name": "narrow", "units": 1000}]
    assert analyse(parse(network(*wide), "own.json")).parameters > 10**9
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "content",
    [
        network({**CONV, "filters": 1_048_576}, {**CONV, "name": "more", "filters": 1_048_576, "kernel": [8, 8]}),
        network(FLATTEN | {"name": "flat"}, LINEAR | {"name": "wide", "units": 1_048_576}, input=[1_048_576, 65_536, 65_536]),
    ],
)
def test_more_parameters_than_any_computer_holds(content: bytes) -> None:
    error = refused(content)
    assert "parameters" in error.message and max(int(word.replace(",", "")) for word in error.message.split() if word[0].isdigit()) > 10**12


@pytest.mark.parametrize("number", [10**20, -(10**20), 10**400, 1e300, 2**63])
def test_numbers_that_nothing_can_have(number: float) -> None:
    refused(network({**CONV, "filters": number}))
    refused(network({**CONV, "kernel": [number, 1]}))
    refused(network(classes=number))


@pytest.mark.parametrize(
    "name", ["a/b", "../x", "a.b", "", " ", "é", "日本", "a b", "1a", "a\n", "\u202ea", "a" * 65, "\x00", "a" * 1_000_000]
)
@pytest.mark.parametrize("place", PLACES)
def test_names_of_layers(name: str, place: str) -> None:
    refused(network(within({**CONV, "name": name}, place)))


@pytest.mark.parametrize("name", ["a/b", "日本", "\u202e", "x" * 200, '"; import os', "own:own"])
def test_networks_may_be_called_anything_that_is_not_too_long(name: str) -> None:
    assert parse(network(name=name, title=name), "own.json").name == name
    refused(network(name=name * 201))


@pytest.mark.parametrize("place", PLACES)
def test_two_layers_of_one_name(place: str) -> None:
    holder = within(CONV, place)
    field = {"sequence": "layers", "body": "body", "shortcut": "shortcut", "branches": "branches", "auxiliary": "layers"}[place]
    holder[field] = [*holder[field], holder[field][0]]
    error = refused(network(holder))
    assert "Two layers are called" in error.message


def test_containers_with_nothing_in_them() -> None:
    assert "nothing in its body" in refused(network({"type": "residual", "name": "sum", "body": []})).message
    refused(network({"type": "branches", "name": "join", "branches": []}))
    refused(network({"type": "residual", "name": "sum"}))
    assert parse(network({"type": "sequence", "name": "empty", "layers": []}), "own.json")


@pytest.mark.parametrize("table", [[], [[]], [[0, 0]], [[1]], [[0, 5]], [[-1]], [[True]], ["0"], [[2**70]], [[0.5]], None, 3, [[0]] * 5000])
def test_tables_of_connections(table: object) -> None:
    refused(network({"type": "partial-conv", "name": "partial", "kernel": [3, 3], "table": table}))


def test_giant_tables_of_connections() -> None:
    for table in ([list(range(60_000))], [list(range(60_000)) for _ in range(16)], [[0] * 1_000_000], [[0]] * 1_000_000):
        refused(network({"type": "partial-conv", "name": "partial", "kernel": [3, 3], "table": table}))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "nan", "1e999", "-1e999", "null", '"0.5"', "-0.1", "1"])
def test_numbers_that_are_none(value: str) -> None:
    refused(network({"type": "dropout", "name": "drop", "rate": "*"}).replace(b'"*"', value.encode()))
    refused(network({"type": "norm", "name": "norm", "epsilon": "*"}).replace(b'"*"', {"1": "0"}.get(value, value).encode()))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252", "utf-8-sig", "shift-jis"])
def test_other_encodings(encoding: str) -> None:
    text = network(title="*").decode().replace("*", "Ä" if "1252" in encoding else "日本" if "jis" in encoding else "a")
    error = refused(text.encode(encoding))
    assert "JSON" in error.message


@pytest.mark.parametrize("title", [b'"\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b'"\x00"', b'"a\nb"'])
def test_text_that_is_none(title: bytes) -> None:
    refused(network(title="*").replace(b'"*"', title))


def test_too_many_layers() -> None:
    layers = [{"type": "flatten", "name": f"f{number}"} for number in range(MOST_LAYERS)]
    assert f"{MOST_LAYERS:,} layers" in refused(network(*layers)).message
    resnet = zoo.make("resnet-1202", (3, 32, 32), 10)
    assert parse(dump(resnet), "resnet.json") == resnet


@pytest.mark.parametrize(
    "content",
    [b"[" + b"[]," * 2_000_000 + b"[]]", b'{"body":[' + b"{}," * 2_000_000 + b"{}]}", b'{"body":1,' + b'"a":0,' * 1_000_000 + b'"b":1}'],
)
def test_many_small_things(content: bytes) -> None:
    assert len(content) < LARGEST_FILE
    refused(content)


def test_a_file_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(2**30)
    ran = measured("describe", str(path))
    assert ran.status == 1 and ran.seconds < 1 and ran.memory < 100 * 2**20
    assert ran.error.count("\n") == 1 and "larger than 8 MB" in ran.error


def test_the_worst_file_that_is_read_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    path.write_bytes(b'{"body":[' + b"{}," * (LARGEST_FILE // 3 - 10) + b"{}]}")
    ran = measured("describe", str(path))
    assert ran.status == 1 and ran.seconds < SECONDS and ran.memory < 500 * 2**20


def test_places_that_are_no_files(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none.json", Path(os.devnull)):
        with pytest.raises((OSError, NetworkError)):
            load(place)
