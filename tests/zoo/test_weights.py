from __future__ import annotations

import dataclasses
import hashlib
import shutil
import tarfile

import pytest

import zoo
from zoo.errors import OutsideError, UsageProblemError
from zoo.pinned import Source, Weights
from zoo.weights import load, sources
from zoo.weights.readers import npz

NOBODY = "http://127.0.0.1:9/lenet.npz"  # the port that is for discarding; nothing listens


@pytest.fixture
def good_file(shelf, arrays):
    path = shelf.folder / "lenet.npz"
    npz.write(path, arrays)
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def from_sources(*sources):
    weights = Weights(tag="noise", licence="none", trained_on="nothing", sources=sources)
    return dataclasses.replace(zoo.find("lenet5"), weights=(weights,))


def url(location, digest, **fields):
    return Source(kind="url", location=location, sha256=digest, reader="npz", **fields)


def test_the_right_bytes_are_loaded_and_then_need_no_network(model, arrays, good_file, shelf, cache, holds):
    architecture = from_sources(url(f"{shelf.url}/lenet.npz", sha256(good_file)))
    seen = []
    loaded = load(model, architecture, None, lambda done, total: seen.append((done, total)))
    assert holds(model, arrays)
    assert (loaded.name, loaded.trained, loaded.sha256) == ("noise", True, sha256(good_file))
    assert seen[-1] == (good_file.stat().st_size, good_file.stat().st_size)
    good_file.unlink()
    again = zoo.find("lenet5").build()
    assert load(again, architecture, "noise").source == f"{shelf.url}/lenet.npz, from the local cache"
    assert holds(again, arrays)
    assert shelf.requests == 1


def test_wrong_bytes_are_not_used_and_the_next_source_is_tried(model, arrays, good_file, shelf, cache, holds):
    (shelf.folder / "other.npz").write_bytes(good_file.read_bytes()[:-1] + b"x")
    digest = sha256(good_file)
    loaded = load(model, from_sources(url(f"{shelf.url}/other.npz", digest), url(f"{shelf.url}/lenet.npz", digest)))
    assert holds(model, arrays)
    assert loaded.source.endswith("/lenet.npz")


def test_wrong_bytes_everywhere_are_named_and_leave_nothing_behind(model, good_file, shelf, cache):
    architecture = from_sources(url(f"{shelf.url}/lenet.npz", "0" * 64))
    with pytest.raises(OutsideError, match=r"lenet\.npz: wrong sha256") as caught:
        load(model, architecture, "noise")
    assert caught.value.exit_code == 3
    assert list(cache.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_fetched_again(model, arrays, good_file, shelf, cache):
    architecture = from_sources(url(f"{shelf.url}/lenet.npz", sha256(good_file)))
    load(model, architecture)
    (cached,) = cache.glob("*/lenet.npz")
    cached.write_bytes(b"damaged")
    loaded = load(model, architecture)
    assert loaded.trained
    assert shelf.requests == 2
    assert sha256(cached) == sha256(good_file)


def test_without_a_network_known_weights_are_never_replaced_by_random_ones(model, cache):
    with pytest.raises(OutsideError, match="no source of the noise weights answered") as caught:
        load(model, from_sources(url(NOBODY, "0" * 64)), None)
    assert "127.0.0.1:9: Connection refused" in str(caught.value)
    assert "with --weights random only float parity can be proven" in str(caught.value)


def test_without_a_network_a_requested_tag_is_an_outside_failure(model, cache):
    with pytest.raises(OutsideError, match="refused") as caught:
        load(model, from_sources(url(NOBODY, "0" * 64)), "noise")
    assert caught.value.exit_code == 3


def test_cached_files_are_used_before_other_sources_are_contacted(model, good_file, shelf, cache):
    second = url(f"{shelf.url}/lenet.npz", sha256(good_file))
    load(model, from_sources(second))
    assert load(model, from_sources(url(f"{shelf.url}/else.npz", "0" * 64), second), "noise").trained
    assert shelf.requests == 1


def test_a_download_that_ends_too_early_is_not_used(model, good_file, shelf, cache):
    digest = sha256(good_file)
    good_file.write_bytes(good_file.read_bytes()[:1000])
    with pytest.raises(OutsideError, match="wrong sha256"):
        load(model, from_sources(url(f"{shelf.url}/lenet.npz", digest)), "noise")


def test_a_missing_client_is_named(model, cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    source = Source(kind="npm", location="some-package@1.0.0", members=("a",), sha256="0" * 64, reader="npz")
    with pytest.raises(OutsideError, match=r"npm some-package@1\.0\.0: npm is not installed"):
        load(model, from_sources(source), "noise")


def test_the_error_of_an_unwritable_cache_names_the_variable_to_set(model, good_file, shelf, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ZOO_EXPORT_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutsideError, match="set ZOO_EXPORT_CACHE"):
        load(model, from_sources(url(f"{shelf.url}/lenet.npz", sha256(good_file))), "noise")


def test_an_archive_that_climbs_out_is_refused(model, arrays, good_file, shelf, cache):
    with tarfile.open(shelf.folder / "lenet.tgz", "w:gz") as archive:
        archive.add(good_file, "package/lenet.npz")
        archive.add(good_file, "../../evil.npz")
    source = url(f"{shelf.url}/lenet.tgz", sha256(good_file), members=("package/lenet.npz",))
    with pytest.raises(OutsideError, match="climbs out"):
        load(model, from_sources(source), "noise")
    assert not list(cache.parent.rglob("evil.npz"))
    assert list(cache.iterdir()) == []


def test_a_shipped_file_that_was_changed_is_not_used(model, cache):
    shipped = zoo.find("lenet5").weights[0].sources[0]
    with pytest.raises(OutsideError, match="not the file that this project shipped"):
        load(model, from_sources(dataclasses.replace(shipped, sha256="0" * 64)), "noise")


def test_a_source_is_pinned_by_exactly_one_digest():
    with pytest.raises(ValueError, match="pin the content"):
        url(NOBODY, "")
    with pytest.raises(ValueError, match="pin the content"):
        url(NOBODY, "0" * 64, md5="0" * 32)


def test_md5_pins_a_file_whose_publisher_states_no_sha256(model, arrays, good_file, shelf, cache):
    right = hashlib.md5(good_file.read_bytes()).hexdigest()
    location = f"{shelf.url}/lenet.npz"
    wrong = Source(kind="url", location=location, md5="0" * 32, reader="npz")
    with pytest.raises(OutsideError, match="wrong md5"):
        load(model, from_sources(wrong), "noise")
    loaded = load(model, from_sources(dataclasses.replace(wrong, md5=right)), "noise")
    assert loaded.sha256 == sha256(good_file)


def test_requested_random_weights_are_untrained_for_that_reason(model):
    loaded = load(model, zoo.find("lenet5"), "random", seed=4)
    assert (loaded.trained, loaded.source) == (False, "seed 4")
    assert "requested" in loaded.reason


def test_shipped_weights_name_their_file(model, cache):
    loaded = load(model, zoo.find("lenet5"))
    assert (loaded.name, loaded.source) == ("fashion_mnist", "shipped lenet5-fashion_mnist.npz")
    assert loaded.licence == "Apache-2.0"
    assert not loaded.taken_as_trained


@pytest.mark.parametrize("options", [{"alpha": 0.5}, {"resolution": 128}])
def test_weights_of_the_default_build_are_for_no_other(options, cache):
    mobilenet = zoo.find("mobilenet")
    other = mobilenet.build(**options)
    loaded = load(other, mobilenet)
    assert not loaded.trained
    assert "alpha 1.0, resolution 224, channels 3 only" in loaded.reason
    with pytest.raises(UsageProblemError, match="--weights random"):
        load(other, mobilenet, "imagenet")


@pytest.mark.imagenet
@pytest.mark.parametrize("name", [name for name in zoo.names() if zoo.find(name).trained_as("imagenet")])
def test_the_imagenet_weights_are_available(name):
    architecture = zoo.find(name)
    loaded = load(architecture.build(), architecture, "imagenet")
    assert loaded.trained


def test_two_processes_may_fetch_at_the_same_time(model, good_file, shelf, cache):
    source = url(f"{shelf.url}/lenet.npz", sha256(good_file))
    (first,) = sources.fetch(source)
    slower = first.parent.with_name("slower")
    shutil.copytree(first.parent, slower)
    sources._publish(source, slower, first.parent)
    assert sources.fetch(source) == [first]


def test_a_cached_folder_with_a_missing_file_is_fetched_again(model, arrays, good_file, shelf, cache):
    with tarfile.open(shelf.folder / "lenet.tgz", "w:gz") as archive:
        archive.add(good_file, "package/first.npz")
        archive.add(good_file, "package/second.npz")
    both = hashlib.sha256(good_file.read_bytes() * 2).hexdigest()
    source = url(f"{shelf.url}/lenet.tgz", both, members=("package/first.npz", "package/second.npz"))
    first, second = sources.fetch(source)
    second.unlink()
    assert sources.fetch(source) == [first, second]
    assert second.read_bytes() == good_file.read_bytes()
