"""Recordings as people have them, through the real front-ends."""

import wave

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.io import wavfile

from edgekit.data.check import check_data
from edgekit.data.features import features_of
from edgekit.data.preprocessing import Preprocessing
from edgekit.data.read import read_dataset
from edgekit.data.sound import read_wav
from edgekit.data.spec import DataSpec
from edgekit.errors import DataError, ProjectError
from edgekit.frontend.log_mel import LogMel
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
