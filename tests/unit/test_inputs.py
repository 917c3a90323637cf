"""Which files a command means, and that no result lands on a source."""

from pathlib import Path

import click
import pytest

from provenance.signing.claims import TrainingPolicy
from provenance_cli import inputs, sign
from provenance_cli.inputs import Source


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "a.jpg",
        "b.JPG",
        "b.mp4",
        "c.txt",
        "a.signed.jpg",
        "sub/a.jpg",
        "sub/deep/d.wav",
        ".hidden.jpg",
    ):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path


def names(*given, recursive=False):
    return [one.path.as_posix() for one in inputs.gather(given, recursive=recursive)]


def test_a_named_file_is_taken_whatever_its_ending(tree):
    assert names("c.txt", "a.jpg", "a.jpg", "./a.jpg") == ["c.txt", "a.jpg"]


def test_quoted_patterns_are_expanded_and_leave_out_what_is_signed_already(tree):
    assert names("*.jpg") == ["a.jpg"]
    assert names("*.{jpg,mp4}") == ["a.jpg", "b.mp4"]
    assert names("**/*.{jpg,wav}") == ["a.jpg", "sub/a.jpg", "sub/deep/d.wav"]


def test_a_folder_needs_recursive_and_gives_media_only(tree):
    with pytest.raises(click.UsageError, match="--recursive"):
        names(".")
    found = inputs.gather(["."], recursive=True)
    assert [one.relative.as_posix() for one in found] == [
        "a.jpg", "a.signed.jpg", "b.JPG", "b.mp4", "sub/a.jpg", "sub/deep/d.wav",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["missing.jpg", "*.gif", "{x,y}.gif"])
def test_a_name_that_means_nothing_is_refused(tree, name):
    with pytest.raises(click.UsageError):
        names("a.jpg", name)


def test_a_pattern_that_explodes_is_refused(tree):
    with pytest.raises(click.UsageError, match="more than 256"):
        names("{a,b}" * 30)


def test_a_file_with_braces_in_its_name_is_itself(tree):
    Path("x{a,b}.jpg").write_bytes(b"x")
    assert names("x{a,b}.jpg") == ["x{a,b}.jpg"]


def sources(*paths):
    return [Source(Path(one), Path(Path(one).name)) for one in paths]


def places(some, output=None, *, in_place=False):
    return sign._places(some, None if output is None else Path(output), in_place=in_place)


def test_signed_files_go_beside_their_sources_or_into_the_named_place(tree):
    assert places(sources("a.jpg")) == [Path("a.signed.jpg")]
    assert places(sources("a.jpg"), "out.jpg") == [Path("out.jpg")]
    assert places(sources("b.mp4"), "sub") == [Path("sub/b.mp4")]
    assert places(sources("a.jpg", "b.mp4"), "new") == [Path("new/a.jpg"), Path("new/b.mp4")]
    assert places(sources("a.jpg"), in_place=True) == [Path("a.jpg")]


def test_a_folder_keeps_its_shape_in_the_output(tree):
    found = [one for one in inputs.gather(["."], recursive=True) if one.path.name == "a.jpg"]
    assert places(found, "out") == [Path("out/a.jpg"), Path("out/sub/a.jpg")]


@pytest.mark.parametrize("output", ["a.jpg", "./sub/../a.jpg", "."])
def test_a_source_is_never_an_output(tree, output):
    with pytest.raises(click.UsageError, match="is a source"):
        places(sources("a.jpg"), output)


def test_a_link_to_a_source_is_never_an_output(tree):
    Path("link.jpg").symlink_to("a.jpg")
    with pytest.raises(click.UsageError, match="is a source"):
        places(sources("a.jpg"), "link.jpg")


def test_two_files_never_share_an_output(tree):
    with pytest.raises(click.UsageError, match="two files would become"):
        places(sources("a.jpg", "sub/a.jpg"), "new")
    with pytest.raises(click.UsageError, match="both"):
        places(sources("a.jpg"), "new", in_place=True)


def test_repeating_a_folder_signs_nothing_twice(tree):
    found = inputs.gather(["."], recursive=True)
    kept = sign._unsigned(found, named={"."}, quiet=True)
    assert "a.signed.jpg" not in [one.path.name for one in kept]
    with pytest.raises(click.UsageError, match="signed already"):
        sign._unsigned(sources("a.signed.jpg"), named=set(), quiet=True)
    assert sign._unsigned(sources("a.signed.jpg"), named={"a.signed.jpg"}, quiet=True)


def test_training_choices_are_those_of_the_manifest():
    option = next(one for one in sign.command.params if one.name == "training")
    assert set(option.type.choices) - {"unstated"} == {policy.value for policy in TrainingPolicy}
