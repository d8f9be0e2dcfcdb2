"""The benchmark measures what it says, and a GPU gives the CPU's numbers."""

import pytest
import torch
from worldwarp.geometry import bench
from worldwarp.geometry.bench import bench_geometry, differences, measure, random_network, smooth_frames
from worldwarp.geometry.ttt3r import estimate

from .goldens import TOLERANCE, error, load, tiny_config, tiny_network


def test_the_benchmark_prints_speed_and_the_error_of_bfloat16(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WORLDWARP_HOME", str(tmp_path))
    monkeypatch.setattr(bench, "TTT3RConfig", tiny_config)  # 793 million weights take too long here
    assert bench_geometry(["--frames", "3", "--width", "64", "--height", "48", "--device", "cpu"]) == 0
    shown = capsys.readouterr().out
    for text in ("64 x 48, random weights", "float32", "frames/s", "GiB at most", "bfloat16 against float32: points"):
        assert text in shown


@pytest.mark.parametrize("wrong", [["--frames", "1"], ["--width", "100"], ["--height", "0"]])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(SystemExit):
        bench_geometry(wrong)


def test_what_is_measured_is_the_clip_s_estimate():
    frames = torch.from_numpy(load("ttt3r_golden")["frames_normalised"])
    measured = measure(tiny_network(), frames, torch.float32)
    assert differences(measured.estimate, estimate(tiny_network(), frames)) == (0, 0)
    assert measured.frames_per_second > 0


def test_random_networks_are_the_same_and_leave_the_generator_alone():
    state = torch.get_rng_state()
    one, other = random_network(tiny_config()), random_network(tiny_config())
    frames = smooth_frames(2, 48, 64)
    assert torch.equal(estimate(one, frames).points, estimate(other, frames).points)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("rule", ["cut3r", "ttt3r"])
def test_a_gpu_gives_the_reference_s_numbers(rule, monkeypatch):
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    golden = load("ttt3r_golden")
    network = random_network(tiny_config())
    network.load_state_dict(tiny_network().state_dict())
    result = estimate(network.cuda(), torch.from_numpy(golden["frames_normalised"]), rule)
    assert error(result.points.cpu(), golden[f"{rule}/pts3d_in_self_view"]) < TOLERANCE
    assert error(result.pose.cpu(), golden[f"{rule}/camera_pose"]) < TOLERANCE
