import linear_probe as probe
import pytest


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize(("shape", "depthwise"), [((3, 2, 3, 4), False), ((3, 2, 3, 2), True)])
def test_windows_times_weights_are_the_convolution(process, shape, depthwise, stride, dilation, padding):
    options = {"stride": stride, "dilation": dilation}
    found = process.call(probe.differences, shape, options, padding, depthwise, returns=list[float])
    assert len(found) == 2
    assert max(found) < 1e-5
