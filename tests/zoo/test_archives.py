from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from zoo.weights.archives import BadArchiveError, take


def tar(path, *entries):
    with tarfile.open(path, "w:gz") as archive:
        for name, kind in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/hostname"
            entry.size = 5 if kind == tarfile.REGTYPE else 0
            archive.addfile(entry, io.BytesIO(b"bytes"))
    return path


def zipped(path, *names, mode=0o100644):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, b"bytes")
    return path


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    return target


def test_members_are_extracted_flat_and_in_the_requested_order(tmp_path, folder):
    archive = tar(tmp_path / "a.tgz", *[(f"./package/{name}", tarfile.REGTYPE) for name in "abc"])
    taken = take(archive, ("package/c", "./package/a"), folder)
    assert [path.relative_to(folder).as_posix() for path in taken] == ["c", "a"]
    assert all(path.read_bytes() == b"bytes" for path in taken)
    assert not (folder / "b").exists()


def test_members_of_a_wheel_are_extracted(tmp_path, folder):
    (taken,) = take(zipped(tmp_path / "a.whl", "package/a"), ("package/a",), folder)
    assert taken.read_bytes() == b"bytes"


@pytest.mark.parametrize("name", ["../evil", "package/../../evil", "/etc/evil", "..\\evil", "C:/evil"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_name_that_climbs_out_is_refused(name, kind, tmp_path, folder):
    if kind == "tar":
        archive = tar(tmp_path / "a.tgz", (name, tarfile.REGTYPE), ("package/a", tarfile.REGTYPE))
    else:
        archive = zipped(tmp_path / "a.zip", name, "package/a")
    with pytest.raises(BadArchiveError, match="climbs out"):
        take(archive, ("package/a",), folder)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_member_that_is_no_regular_file_is_refused(kind, tmp_path, folder):
    with pytest.raises(BadArchiveError, match="no regular file package/a"):
        take(tar(tmp_path / "a.tgz", ("package/a", kind)), ("package/a",), folder)
    assert list(folder.iterdir()) == []


def test_a_link_in_a_zip_is_refused(tmp_path, folder):
    with pytest.raises(BadArchiveError, match="no regular file package/a"):
        take(zipped(tmp_path / "a.zip", "package/a", mode=0o120777), ("package/a",), folder)


def test_a_truncated_archive_is_refused(tmp_path, folder):
    archive = tar(tmp_path / "a.tgz", *[(f"package/{name}", tarfile.REGTYPE) for name in "abc"])
    archive.write_bytes(archive.read_bytes()[:60])
    with pytest.raises(BadArchiveError):
        take(archive, ("package/c",), folder)


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path, folder, monkeypatch):
    monkeypatch.setattr("zoo.weights.archives._LARGEST_MEMBER_BYTES", 4)
    with pytest.raises(BadArchiveError, match="too large"):
        take(tar(tmp_path / "a.tgz", ("package/a", tarfile.REGTYPE)), ("package/a",), folder)
