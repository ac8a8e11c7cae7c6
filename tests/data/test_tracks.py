"""Long recordings and their label tracks."""

import numpy as np
import pytest
from scipy.io import wavfile

from edgekit.data.tracks import Event, read_tracks
from edgekit.errors import DataError
from edgekit.frontend.kinds import LogMel
from edgekit.frontend.window import Window

LABELS = ("noise", "yes", "no")


def sounds(folder, track=None, rate=16_000, name="a"):
    wavfile.write(folder / f"{name}.wav", rate, np.arange(2 * rate).astype(np.int16))
    if track is not None:
        (folder / f"{name}.txt").write_text(track)
    return folder


def read(folder, labels=LABELS):
    return read_tracks(folder, LogMel(), 16_000.0, labels, 3)


def test_events_are_in_samples_and_in_order(tmp_path):
    track = "1.5\t1.75\tno\n\\\t100.0\t200.0\n0.25\t0.5\tyes\n\n1.0\t1.0\t0\n"
    [found] = read(sounds(tmp_path, track))
    assert found.name == "a.wav" and found.samples.dtype == np.int16 and len(found.samples) == 32_000
    assert found.events == (Event(4000, 8000, 1), Event(16000, 16000, 0), Event(24000, 28000, 2))


def test_sound_is_resampled_and_events_with_it(tmp_path):
    [found] = read(sounds(tmp_path, "1\t2\tyes\n", rate=8000))
    assert len(found.samples) == 32_000 and found.events == (Event(16000, 32000, 1),)


def test_a_recording_without_a_track_has_no_events_and_other_files_are_passed_over(tmp_path):
    sounds(tmp_path, name="b")
    (tmp_path / "README.md").write_text("x")
    assert [(track.name, track.events) for track in read(sounds(tmp_path, "0\t1\tyes\n"))] == [
        ("a.wav", (Event(0, 16000, 1),)),
        ("b.wav", ()),
    ]


def test_a_series_comes_from_csv(tmp_path):
    (tmp_path / "walk.csv").write_text("time,x,y\n" + "".join(f"{n},{n},{-n}\n" for n in range(100)))
    (tmp_path / "walk.txt").write_text("0.5\t1\t2\n")
    [found] = read_tracks(tmp_path, Window(length=10), 50.0, (), 3)
    assert found.samples.shape == (100, 2) and found.events == (Event(25, 50, 2),)


@pytest.mark.parametrize(
    ("track", "words"),
    [
        ("0\t1\n", "line 1 is no event; write START, END and CLASS, apart by tabs"),
        ("0\t1\tyes\n0 1 yes\n", "line 2 is no event"),
        ("0\tnan\tyes\n", "line 1: 0 s to nan s is no span of time"),
        ("2\t1\tyes\n", "line 1: 2 s to 1 s is no span of time"),
        ("-1\t1\tyes\n", "no span of time"),
        ("0\t1\tyas\n", 'line 1: there is no class "yas"; did you mean "yes"?'),
        ("0\t1\t3\n", 'there is no class "3"'),
        ("9\t10\tyes\n", "an event starts at 9 s, after the end of a.wav"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, track, words):
    with pytest.raises(DataError) as said:
        read(sounds(tmp_path, track))
    assert words in str(said.value) and "\n" not in str(said.value)


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no recordings for the stream; put \.wav, \.wave files into it"):
        read(tmp_path)
