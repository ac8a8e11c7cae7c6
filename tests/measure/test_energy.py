"""What an inference takes of a battery, and what a budget and a report make of it."""

import pytest
from msgspec.structs import replace

from edgekit.config import decode
from edgekit.errors import TargetError
from edgekit.firmware.hardware import Hardware, check_hardware
from edgekit.measure.energy import energy
from edgekit.measure.judge import judge
from edgekit.measure.limits import Budget
from edgekit.npu.settings import checked
from edgekit.npu.vela import compile_file
from edgekit.profile.profiles import load_target
from edgekit.types import Measurement
from edgekit.units import Microjoules, show

QEMU = "qemu 7.2"
COUNTED = Measurement("instructions", 1_000_000, "1", "simulated", QEMU)
CORE = {"cpu": "cortex-m33", "clock": "160 MHz", "current": "20 uA/MHz", "voltage": "3 V"}
DUTY = {"battery": "240 mAh", "sleep_current": "4 uA", "inferences_per_hour": 3600}
NPU = {"cpu": "cortex-m55", "npu": "ethos-u55-128", "energy_tolerance": "50 %"}


def hardware(**table):
    found = decode(table, Hardware, "board.toml", TargetError)
    check_hardware(found)
    return found


def of(name, measurements):
    (found,) = [m for m in measurements if m.name == name]
    return found


class TestOnACore:
    def test_instructions_times_cycles_times_charge_times_voltage(self):
        found = of("energy", energy([COUNTED], hardware(**CORE)))
        # 10^6 instructions x 1.17 cycles x 20 pC x 3 V
        assert (found.unit, found.source, found.runtime) == ("uJ", "estimated", QEMU)
        assert [found.low, found.value, found.high] == pytest.approx([65.4, 70.2, 78.6])
        assert "1,000,000 instructions of 1.17 cycles" in found.reason and "20 uA/MHz at 3 V" in found.reason

    def test_the_clock_is_no_part_of_it(self):
        slow = replace(hardware(**CORE), clock=None)
        assert energy([COUNTED], slow) == energy([COUNTED], hardware(**CORE))

    def test_a_tolerance_widens_the_interval_and_moves_no_value(self):
        found = of("energy", energy([COUNTED], hardware(**CORE, energy_tolerance="10 %")))
        assert [found.low, found.value, found.high] == pytest.approx([65.4 * 0.9, 70.2, 78.6 * 1.1])

    def test_without_a_current_there_is_none(self):
        assert energy([COUNTED], hardware(cpu="cortex-m33")) == []

    @pytest.mark.parametrize(
        ("cpu", "counted", "words"),
        [
            ("riscv32imc", replace(COUNTED, value=None, reason="not measured: no simulator"), "no sim"),
            ("cortex-m0plus", COUNTED, "the cycles of its instructions are not known"),
        ],
    )
    def test_cycles_that_nobody_knows_give_no_figure_and_no_verdict(self, cpu, counted, words):
        device = hardware(**CORE | {"cpu": cpu})
        of_host = Measurement("latency_p90", 5.0, "ns", runtime="tflm 1")
        found = energy([counted, of_host], device)
        assert of("energy", found).value is None and words in of("energy", found).reason
        [line] = judge(Budget(energy=Microjoules(1e9)), found, "tflm", (), device)
        assert line.verdict == "inconclusive" and words in line.reason


EACH = {"mac": "2 pJ", "cycle": "10 pJ", "sram": "5 pJ/B", "flash": "100 pJ/B"}


class TestOnAnNpu:
    def figures(self, **changed):
        values = {
            "npu_cycles": 1_000,
            "npu_macs": 50_000,
            "npu_coverage": 100,
            "npu_traffic_sram": 4_000,
            "npu_traffic_flash": 500,
        }
        return [Measurement(name, value, "1", "simulated", "vela 5") for name, value in (values | changed).items()]

    def test_macs_cycles_and_bytes_each_by_what_one_takes(self):
        found = of("energy", energy(self.figures(), hardware(**NPU, npu_energy=EACH)))
        # pJ: 50,000 x 2 + 1,000 x 10 + 4,000 x 5 + 500 x 100
        assert [found.low, found.value, found.high] == pytest.approx([0.09, 0.18, 0.27])
        assert found.runtime == "vela 5" and "500 B of flash at 100 pJ/B" in found.reason

    def test_a_memory_that_the_target_says_nothing_of_is_named(self):
        found = of("energy", energy(self.figures(npu_traffic_dram=8), hardware(**NPU, npu_energy=EACH)))
        assert found.value is None and "set hardware.npu_energy.dram" in found.reason

    def test_what_is_left_to_the_cpu_makes_it_unknown(self):
        found = of("energy", energy(self.figures(npu_coverage=90), hardware(**NPU, npu_energy=EACH)))
        assert found.value is None and "to the CPU" in found.reason

    def test_from_what_vela_says_of_a_model(self, shared, tmp_path):
        model = shared / "models/tflite/wake_word_int8.tflite"
        made = compile_file.run(tmp_path, model, None, *checked("ethos-u55-128", "", ""))
        found = of("energy", energy(made.measurements, hardware(**NPU, npu_energy=EACH)))
        value = {m.name: m.value for m in made.measurements}
        assert value["npu_macs"] == sum(layer.macs for layer in made.layers) > 500_000
        assert value["npu_traffic"] == value["npu_traffic_sram"] + value["npu_traffic_flash"]
        total = 2 * value["npu_macs"] + 10 * value["npu_cycles"]
        total += 5 * value["npu_traffic_sram"] + 100 * value["npu_traffic_flash"]
        assert found.value == pytest.approx(total / 1e6)


class TestDays:
    def test_charge_over_the_mean_current(self):
        found = of("battery_days", energy([COUNTED], hardware(**CORE, **DUTY)))
        # each second 70.2 uJ / 3 V = 23.4 uC, beside 4 uA: 240 mAh / 27.4 uA / 24 h
        assert found.unit == "d" and found.value == pytest.approx(240_000 / 27.4 / 24)
        assert found.low == pytest.approx(240_000 / (4 + 78.6 / 3) / 24) and found.low < found.value < found.high

    def test_more_than_fits_into_an_hour_has_no_days(self):
        long = Measurement("latency_p90", 1.5e9, "ns", "estimated", QEMU)
        found = of("battery_days", energy([COUNTED, long], hardware(**CORE, **DUTY)))
        assert found.value is None and "3600 inferences of 1.5 s do not fit into an hour" in found.reason


class TestOfAStream:
    counted = Measurement("stream_instructions", 5_000_000, "1", "simulated", QEMU)

    def test_a_second_of_it_is_its_power(self):
        found = of("stream_power", energy([self.counted], hardware(**CORE)))
        # 5 * 10^6 instructions a second x 1.17 cycles x 20 pC x 3 V
        assert (found.unit, found.source) == ("uW", "estimated")
        assert [found.low, found.value, found.high] == pytest.approx([327, 351, 393])
        assert show(found.value, "uW") == "351 µW" and show(3510, "uW") == "3.51 mW"

    def test_it_empties_the_battery_whatever_the_inferences_of_an_hour(self):
        found = energy([COUNTED, self.counted], hardware(**CORE, **DUTY))
        assert of("stream_days", found).value == pytest.approx(240_000 / (4 + 351 / 3) / 24)
        assert of("battery_days", found).value == pytest.approx(240_000 / 27.4 / 24)

    def test_without_a_battery_there_are_no_days(self):
        assert [m.name for m in energy([self.counted], hardware(**CORE))] == ["stream_power"]


@pytest.mark.parametrize(("limit", "word"), [(80, "pass"), (70, "inconclusive"), (60, "fail")])
def test_a_limit_is_held_by_the_whole_interval(limit, word):
    device = hardware(**CORE)
    [line] = judge(Budget(energy=Microjoules(limit)), energy([COUNTED], device), "tflm", (), device)
    assert (line.verdict, line.unit) == (word, "uJ") and line.low < line.value < line.high


def test_a_limit_is_judged_where_nothing_counts_cycles_as_inconclusive():
    [line] = judge(Budget(energy=Microjoules(1)), [], "litert", (), hardware(**CORE | {"cpu": "cortex-a76"}))
    assert line.verdict == "inconclusive" and "outputs.c_standalone = true" in line.reason


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (CORE | {"current": "20"}, '"20" has no unit of current per frequency'),
        (CORE | {"current": "20 uA"}, '(uA/MHz, µA/MHz, mA/MHz); write "33 uA/MHz"'),
        (CORE | {"voltage": 3.3}, '3.3 has no unit of voltage; write "3.3 V"'),
        (CORE | {"voltage": "0 V"}, "hardware.voltage: is 0"),
        ({"cpu": "cortex-m33", "current": "20 uA/MHz"}, "hardware.voltage: missing; hardware.current needs it"),
        (CORE | {"battery": "220 mAh"}, "hardware.sleep_current: missing; hardware.battery needs it"),
        (CORE | {"sleep_current": "4 uA"}, "hardware.battery: missing; hardware.sleep_current needs it"),
        ({"cpu": "cortex-m33", "voltage": "3 V"} | DUTY, "hardware.current: missing; hardware.battery needs it"),
        (CORE | DUTY | {"inferences_per_hour": 0}, "hardware.inferences_per_hour: is 0"),
        (CORE | {"npu_energy": EACH}, "hardware.npu_energy: needs hardware.npu"),
        (NPU | {"npu_energy": EACH, "energy_tolerance": "0 %"}, "hardware.energy_tolerance: missing"),
        (NPU | {"npu_energy": {"sram": "5 pJ/B"}}, "npu_energy.mac: missing"),
        ({"current": "20 uA/MHz", "voltage": "3 V"}, "hardware.cpu: missing"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(table, words):
    with pytest.raises(TargetError) as said:
        hardware(**table)
    assert words in str(said.value) and "\n" not in str(said.value)


def test_a_limit_needs_what_the_chip_draws(tmp_path):
    (tmp_path / "board.toml").write_text(
        'description = "d"\n[hardware]\ncpu = "cortex-m33"\n[recipe]\n[runtimes]\nship = "tflm"\n'
        '[budget]\nenergy = "5 uJ"\n[outputs]\nc_standalone = true\n'
    )
    with pytest.raises(TargetError, match=r"budget\.energy: needs hardware\.current, such as .*a core has no such"):
        load_target("board", [tmp_path])


@pytest.mark.parametrize(
    ("value", "words"), [(0.18, "180 nJ"), (279.0, "279 µJ"), (1500.0, "1.5 mJ"), (2.5e6, "2.5 J")]
)
def test_energies_are_shown_in_the_unit_that_fits(value, words):
    assert show(value, "uJ") == words
