"""Recordings as people have them, through the real front-ends."""

import csv
import wave

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image as Picture
from scipy.io import wavfile

from edgekit.data.check import check_data
from edgekit.data.features import features_of
from edgekit.data.preprocessing import Preprocessing
from edgekit.data.read import read_dataset
from edgekit.data.sound import read_wav
from edgekit.data.spec import DataSpec
from edgekit.errors import DataError, ProjectError
from edgekit.frontend.image import Image
from edgekit.frontend.log_mel import LogMel
from edgekit.frontend.window import Window
from edgekit.types import TensorSpec

MEL = LogMel(sample_rate=8000, mel_bands=8)
RNG = np.random.default_rng(3)


def spec(source, frontend, *shape, group="", classes=2):
    inputs = (TensorSpec("x", (1, *shape), "float32"),)
    return DataSpec(str(source), "", Preprocessing(), inputs, classes, 1, group=group, frontend=frontend)


def tone(hertz, samples=8000, rate=8000, loud=0.5):
    return loud * np.sin(2 * np.pi * hertz * np.arange(samples) / rate) + RNG.normal(0, 0.01, samples)


def written(file, sound, rate=8000):
    """16 bits of one channel, by the standard library."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((sound * 32767).astype("<i2").tobytes())


@pytest.fixture
def spoken(tmp_path):
    """Two words of four speakers, in a file each: `WORD/SPEAKER_NUMBER.wav`."""
    for word, hertz in (("low", 300), ("high", 1500)):
        for speaker in range(4):
            for number in range(5):
                written(tmp_path / "spoken" / word / f"s{speaker}_{number}.wav", tone(hertz + 30 * speaker))
    return tmp_path / "spoken"


class TestSound:
    def test_a_dataset_is_its_features_and_keeps_recordings_of_the_evaluation_set(self, spoken, tmp_path):
        facts = check_data.run(str(tmp_path), data := spec(spoken, MEL, 49, 8, 1))
        kept = read_dataset(replace(data, source=str(tmp_path / "samples.npz"), frontend=None))
        with np.load(tmp_path / "samples.npz") as arrays:
            raw = arrays["raw_test"]
        assert (facts.raw.shape, facts.raw.dtype) == ((8000,), "int16") == (raw.shape[1:], str(raw.dtype))
        expected = MEL.features(raw) * np.float32(MEL.step)
        assert np.array_equal(kept.evaluation.x[0], expected[..., None]) and kept.evaluation.x[0].dtype == np.float32
        assert facts.labels == ("high", "low") and "log-mel: 49x8 from 8000 int16" in " ".join(facts.remarks)

    def test_speakers_are_told_from_file_names_and_stay_whole(self, spoken, tmp_path):
        facts = check_data.run(str(tmp_path), data := spec(spoken, MEL, 49, 8, group=r"^(s\d)_"))
        train, evaluation, _ = read_dataset(replace(data, source=str(tmp_path / "samples.npz"), frontend=None))
        assert {*train.group} | {*evaluation.group} == {"s0", "s1", "s2", "s3"}
        assert not {*train.group} & {*evaluation.group} and "none in both" in " ".join(facts.remarks)

    def test_folders_inside_of_classes_are_groups(self, tmp_path):
        for word in ("a", "b"):
            for speaker in ("x", "y"):
                written(tmp_path / "d" / word / speaker / "1.wav", tone(500))
        assert features_of(str(tmp_path / "d"), MEL).arrays["group"].tolist() == ["x", "y", "x", "y"]

    def test_other_rates_channels_and_lengths_are_fitted_and_said(self, spoken, tmp_path):
        high = tone(1000, 44100, 44100)
        wavfile.write(spoken / "high" / "stereo.wav", 44100, np.stack([high, high], 1).astype(np.float32))
        written(spoken / "low" / "short.wav", tone(300, 4000))
        made = features_of(str(spoken), MEL, wanted=(49, 8))
        said = " ".join(made.remarks)
        assert "1 of 42 recordings resampled to 8,000 Hz from 44,100 Hz" in said and "1 of 42 recordings mixed" in said
        assert "of 42 recordings 1 filled up with zeros at the end, to 8,000 samples (1000 ms)" in said

    @pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float32", "float64"])
    def test_every_depth_is_the_same_sound(self, kind, tmp_path):
        sound = tone(440)
        stored = {
            "uint8": lambda: np.rint(sound * 128 + 128),
            "int16": lambda: np.rint(sound * 32768),
            "int32": lambda: np.rint(sound * 2**31),
        }.get(kind, lambda: sound)()
        wavfile.write(tmp_path / "a.wav", 8000, stored.astype(kind))
        rate, channels, read = read_wav(tmp_path / "a.wav", 8000)
        assert (rate, channels) == (8000, 1)
        assert np.abs(read - sound * 32768).max() <= (128 if kind == "uint8" else 1)

    def test_24_bits_are_read(self, tmp_path):
        sound = np.rint(tone(440) * (2**23 - 1)).astype("<i4")
        with wave.open(str(tmp_path / "a.wav"), "wb") as out:
            out.setparams((1, 3, 8000, len(sound), "NONE", ""))
            out.writeframes(sound.view("u1").reshape(-1, 4)[:, :3].tobytes())
        assert np.abs(read_wav(tmp_path / "a.wav", 8000)[2] - sound / 256).max() <= 1

    def test_resampling_keeps_a_tone(self, tmp_path):
        wavfile.write(tmp_path / "a.wav", 44100, tone(1000, 44100, 44100).astype(np.float32))
        read = read_wav(tmp_path / "a.wav", 16000)[2]
        assert len(read) == 16000 and np.abs(np.fft.rfft(read)).argmax() == 1000

    def test_what_a_lower_rate_cannot_hold_is_noted(self, spoken):
        written(spoken / "low" / "slow.wav", tone(300, 4000, 4000), 4000)
        notes = " ".join(features_of(str(spoken), MEL, wanted=(49, 8)).notes)
        assert "1 of 41 recordings have a lower rate than frontend.sample_rate" in notes and "set it to 4000" in notes

    def test_arrays_of_another_rate_are_refused(self, tmp_path):
        np.savez(tmp_path / "d.npz", x=np.zeros((4, 8000), np.int16), y=np.arange(4) % 2, sample_rate=16000)
        with pytest.raises(DataError, match=r"sample_rate is 16000, but frontend\.sample_rate is 8000"):
            features_of(str(tmp_path / "d.npz"), MEL)

    def test_silence_and_clipping_are_noted(self, spoken):
        written(spoken / "low" / "silent.wav", np.zeros(8000))
        written(spoken / "low" / "clipped.wav", np.clip(tone(300, loud=20), -1, 1))
        notes = " ".join(features_of(str(spoken), MEL, wanted=(49, 8)).notes)
        assert "1 of 42 recordings are silence" in notes and "full scale" in notes

    @pytest.mark.parametrize(
        "damage", [lambda b: b[:3000], lambda b: b"RIFF" + b"\xff" * 60, lambda b: b"", lambda b: b[:20]]
    )
    def test_a_damaged_file_is_named(self, spoken, damage):
        file = spoken / "low" / "s0_0.wav"
        file.write_bytes(damage(file.read_bytes()))
        with pytest.raises(DataError, match=r"s0_0\.wav: cannot be read as WAV"):
            features_of(str(spoken), MEL)

    def test_a_header_that_claims_gigabytes_costs_none(self, spoken):
        import resource

        file = spoken / "low" / "s0_0.wav"
        content = bytearray(file.read_bytes())
        content[40:44] = (0xFFFFFFF0).to_bytes(4, "little")
        file.write_bytes(content)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert len(read_wav(file, 8000)[2]) == 8000
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10

    def test_both_shapes_are_named_where_they_differ(self, spoken, tmp_path):
        with pytest.raises(ProjectError, match=r"the front-end gives 49x8, the model takes 98x40"):
            check_data.run(str(tmp_path), spec(spoken, MEL, 98, 40))

    def test_recordings_shorter_than_a_window_are_refused(self, tmp_path):
        np.savez(tmp_path / "d.npz", x=np.zeros((4, 100), np.int16), y=np.arange(4) % 2)
        with pytest.raises(ProjectError, match="a window of 240 samples is longer than a recording of 100"):
            features_of(str(tmp_path / "d.npz"), MEL)

    def test_without_a_model_a_length_has_to_be_usual_or_said(self, tmp_path):
        for number in range(4):
            written(tmp_path / "d" / "a" / f"{number}.wav", tone(300, 4000 + 100 * number))
        with pytest.raises(DataError, match=r"4,000 to 4,300 samples; .*--samples=4300"):
            features_of(str(tmp_path / "d"), MEL)
        assert features_of(str(tmp_path / "d"), MEL, samples=8000).arrays["x"].shape == (4, 49, 8)


class TestSeries:
    WALK = Window(length=20, stride=10, resolution=0.01)

    def recorded(self, folder, people=4):
        """Recordings of two people a file, in CSV with a head and a column of time."""
        for label in ("rest", "walk"):
            for person in range(people):
                file = folder / label / f"p{person}.csv"
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("w", newline="") as out:
                    lines = csv.writer(out)
                    lines.writerow(["time", "ax", "ay", "az"])
                    for moment in range(100):
                        lines.writerow([moment / 50, *np.round(RNG.normal(0, 1 + (label == "walk"), 3), 3)])

    def test_recordings_are_cut_and_none_is_split(self, tmp_path):
        self.recorded(tmp_path / "d")
        facts = check_data.run(str(tmp_path), data := spec(tmp_path / "d", self.WALK, 20, 3))
        train, evaluation, _ = read_dataset(replace(data, source=str(tmp_path / "samples.npz"), frontend=None))
        assert train.number + evaluation.number == 8 * 9 and not {*train.group} & {*evaluation.group}
        assert np.abs(train.x[0]).max() > 1 and facts.raw.shape == (20, 3)
        said = " ".join(facts.remarks)
        assert "72 windows of 20 samples from 8 recordings" in said and "channels: ax, ay, az" in said
        assert "int16 in steps of 0.01" in said

    def test_a_person_in_two_files_is_in_one_part(self, tmp_path):
        self.recorded(tmp_path / "d")
        check_data.run(str(tmp_path), data := spec(tmp_path / "d", self.WALK, 20, 3, group=r"(p\d)"))
        train, evaluation, _ = read_dataset(replace(data, source=str(tmp_path / "samples.npz"), frontend=None))
        assert {*train.group} | {*evaluation.group} == {"p0", "p1", "p2", "p3"}
        assert not {*train.group} & {*evaluation.group}

    def test_columns_say_the_class_and_the_person_of_each_sample(self, tmp_path):
        (tmp_path / "d").mkdir()
        for number in range(4):
            of = [("rest", f"p{number % 2}")] * 40 + [("walk", f"p{number % 2}")] * 55
            lines = [
                f"{row / 50},{RNG.normal():.3f},{RNG.normal():.3f},{what},{who}" for row, (what, who) in enumerate(of)
            ]
            (tmp_path / "d" / f"{number}.csv").write_text("\n".join(["time,ax,ay,label,person", *lines]))
        made = features_of(str(tmp_path / "d"), self.WALK, "person")
        assert made.arrays["x"].shape == (4 * (3 + 4), 20, 2)  # no window has samples of both
        assert made.arrays["y"].tolist() == ([0] * 3 + [1] * 4) * 4
        assert made.arrays["group"].tolist() == (["p0"] * 7 + ["p1"] * 7) * 2
        assert "classes: 0 rest, 1 walk" in made.remarks

    def test_arrays_keep_their_labels_and_groups(self, tmp_path):
        x = RNG.normal(0, 1, (6, 40, 3)).astype(np.float32)
        np.savez(tmp_path / "d.npz", x=x, y=np.arange(6) % 2, subject=np.arange(6) // 2)
        made = features_of(str(tmp_path / "d.npz"), self.WALK, "subject")
        assert made.arrays["x"].shape == (18, 20, 3)
        assert made.arrays["y"].tolist() == np.repeat(np.arange(6) % 2, 3).tolist()
        assert made.arrays["subject"].tolist() == np.repeat(np.arange(6) // 2, 3).tolist()
        assert np.abs(made.arrays["x"][0] - x[0, :20]).max() <= 0.005 + made.arrays["x"][0].max() * 2**-8

    def test_fractions_want_a_resolution(self, tmp_path):
        np.savez(tmp_path / "d.npz", x=RNG.normal(0, 1, (6, 20, 3)), y=np.arange(6) % 2)
        with pytest.raises(ProjectError, match=r"frontend\.resolution: the data hold fractions, .* holds all that is"):
            features_of(str(tmp_path / "d.npz"), Window(length=20))

    @pytest.mark.parametrize("text", ["ax,ay\n1,2\n3\n", "ax,ay\n1,walk\n", "ax,ay\n", "\0\1\2"])
    def test_a_damaged_csv_is_named(self, text, tmp_path):
        (tmp_path / "d" / "a").mkdir(parents=True)
        (tmp_path / "d" / "a" / "one.csv").write_text(text)
        with pytest.raises(DataError, match=r"one\.csv: "):
            features_of(str(tmp_path / "d"), self.WALK)


class TestPictures:
    def test_images_become_what_the_camera_gives(self, tmp_path):
        for label in ("a", "b"):
            (tmp_path / "d" / label).mkdir(parents=True)
            for number in range(5):
                pixels = RNG.integers(0, 256, (24, 32, 3), np.uint8)
                Picture.fromarray(pixels).save(tmp_path / "d" / label / f"{number}.png")
        made = features_of(str(tmp_path / "d"), Image(pixels="rgb565le", height=24, width=32, size=(12, 16)))
        assert (made.raw.shape, made.raw.dtype) == ((24, 32), "uint16") and made.arrays["x"].shape == (10, 12, 16, 3)
        small = np.asarray(Picture.fromarray(pixels).resize((16, 12), Picture.Resampling.BOX)).astype(int)
        assert np.abs(made.arrays["x"][-1] - small).max() < 8  # what 5 and 6 bits cannot hold


def test_an_empty_folder_says_what_belongs_there(tmp_path):
    (tmp_path / "d" / "a").mkdir(parents=True)
    with pytest.raises(DataError, match=r"no recordings; expected one folder for each class, with \.wav"):
        features_of(str(tmp_path / "d"), MEL)


def test_other_files_are_noted(tmp_path):
    written(tmp_path / "d" / "a" / "1.wav", tone(300))
    (tmp_path / "d" / "a" / "readme.txt").write_text("of mine")
    assert "readme.txt; move them elsewhere" in " ".join(features_of(str(tmp_path / "d"), MEL).notes)


def test_an_expression_that_finds_no_group_is_refused(tmp_path):
    written(tmp_path / "d" / "a" / "1.wav", tone(300))
    for pattern, said in ((r"^(s\d)_", "finds no group in '1.wav'"), ("(", "is no regular expression")):
        with pytest.raises(ProjectError, match=said.replace(".", r"\.")):
            features_of(str(tmp_path / "d"), MEL, pattern)
