"""The expected peak against what networks of full size hold, operation by operation, without computing anything."""

import weakref

import pytest
import torch
from diffusers import AutoencoderKLWan
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import UMT5Config, UMT5EncoderModel
from worldwarp.diffusion import memory, peaks
from worldwarp.diffusion.transformer import WAN_1_3B, STDiff

FULL, LOW = memory.plan("full", "cuda"), memory.plan("low", "cuda")


class Held(TorchDispatchMode):
    """Counts the bytes of all tensors that live at once, those of a network itself left out."""

    def __init__(self, network) -> None:
        super().__init__()
        self.own = {tensor.untyped_storage()._cdata for tensor in (*network.parameters(), *network.buffers())}
        self.living, self.most = {}, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten._unique2.default:  # how many are distinct is only known once they are computed
            return torch.zeros(3), torch.zeros(args[0].shape, dtype=torch.long), torch.zeros(3)
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.hold(tensor.untyped_storage())
        return result

    def hold(self, storage) -> None:
        if storage._cdata in self.own or storage._cdata in self.living:
            return
        self.living[storage._cdata] = storage.nbytes()
        weakref.finalize(storage, self.living.pop, storage._cdata)
        self.most = max(self.most, sum(self.living.values()))


@pytest.fixture
def dry():
    """``dry(make, dtype, call)``: the bytes of a network's weights, and the most that ``call`` holds besides them."""

    def run(make, dtype, call):
        torch.set_default_dtype(dtype)
        with FakeTensorMode(), torch.no_grad():
            network = make().eval()
            with Held(network) as held:
                call(network)
        return sum(tensor.numel() * tensor.element_size() for tensor in network.parameters()), held.most

    yield run
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("height", "width", "frames"), [(480, 720, 49), (480, 832, 81)])
def test_the_transformer_holds_what_is_expected(dry, height, width, frames) -> None:
    shape = (1 + (frames - 1) // 4, height // 8, width // 8)
    tokens = shape[0] * shape[1] * shape[2] // 4

    def call(network):
        network(torch.zeros(2, 16, *shape), torch.zeros(2, tokens), torch.zeros(2, 512, 4096), return_dict=False)

    _, held = dry(lambda: STDiff(**{**WAN_1_3B, "num_layers": 1}), torch.bfloat16, call)
    assert held == pytest.approx(peaks.working(FULL, width, height, frames)["transformer"], rel=0.05)


def test_the_vae_holds_what_is_expected(dry) -> None:
    """As ``vae.decode`` of this project streams it; the peak is reached with the third latent frame."""

    def call(network):
        z, kept = network.post_quant_conv(torch.zeros(1, 16, 3, 60, 90)), [None] * 40
        for t in range(3):
            network.decoder(z[:, :, t : t + 1], feat_cache=kept, feat_idx=[0], first_chunk=t == 0)

    weights, held = dry(AutoencoderKLWan, torch.float32, call)
    assert weights == pytest.approx(peaks.published(FULL)["vae"], rel=0.01)
    assert held == pytest.approx(peaks.working(FULL, 720, 480, 49)["vae"], rel=0.01)


def test_encoding_holds_less_than_decoding(dry) -> None:
    _, held = dry(AutoencoderKLWan, torch.float32, lambda network: network.encode(torch.zeros(1, 3, 9, 480, 720)))
    assert 0.5 < held / peaks.working(FULL, 720, 480, 9)["vae"] < 1


@pytest.mark.slow
def test_tiles_hold_what_is_expected(dry) -> None:
    def make():
        network = AutoencoderKLWan()
        network.enable_tiling()
        return network

    _, held = dry(make, torch.float32, lambda network: network.decode(torch.zeros(1, 16, 3, 32, 40)))
    assert held == pytest.approx(peaks.working(LOW, 320, 256, 9)["vae"], rel=0.1)


def test_the_text_encoder_weighs_what_is_expected() -> None:
    config = UMT5Config(
        vocab_size=256384,
        d_model=4096,
        d_kv=64,
        d_ff=10240,
        num_layers=24,
        num_heads=64,
        feed_forward_proj="gated-gelu",
    )
    with FakeTensorMode(), torch.no_grad():
        network = UMT5EncoderModel(config)
    numbers = sum(parameter.numel() for parameter in network.parameters())
    assert numbers == pytest.approx(peaks.NETWORKS["text_encoder"][0], rel=0.01)
    assert network.shared.weight.numel() / numbers < peaks.OFFLOADED_PART


@pytest.mark.parametrize(("mode", "goal"), [("full", 40), ("balanced", 24), ("low", 12)])
def test_the_published_networks_fit_where_they_shall(mode, goal) -> None:
    assert peaks.expected(memory.plan(mode, "cuda"), 720, 480, 49) < goal * 1e9


@pytest.mark.parametrize(("mode", "row"), [("full", 35.3), ("balanced", 21.0), ("low", 10.5)])
def test_the_table_is_what_is_computed(mode, row) -> None:
    found = round(peaks.expected(memory.plan(mode, "cuda"), 720, 480, 49) / 1e9, 1)
    assert found == row
    assert any(line.split()[:1] == [mode] and line.split()[-1] == str(row) for line in peaks.__doc__.splitlines())


def test_a_peak_is_what_stays_and_the_largest_of_what_comes() -> None:
    weights = {"transformer": 1e9, "vae": 2e9, "text_encoder": 40e9, "captioner": 50e9, "geometry": 3e9}
    runtime = peaks.RUNTIME_BYTES
    balanced = runtime + 3e9 + 50e9 + peaks.CAPTION_BYTES
    assert peaks.expected(memory.plan("balanced", "cuda"), 16, 16, 1, weights) == balanced
    both = memory.Plan(geometry=memory.STAGED, one_at_a_time=False)
    assert peaks.expected(both, 16, 16, 1, weights) == balanced + 3e9 + peaks.GEOMETRY_BYTES


def test_more_pixels_and_frames_need_more() -> None:
    sizes = [(720, 480, 49), (1280, 720, 49), (1920, 1072, 49)]
    found = [peaks.expected(memory.plan("balanced", "cuda"), *size) for size in sizes]
    assert found == sorted(found)
    assert found[-1] > found[0]
    work = [peaks.working(FULL, 720, 480, frames)["transformer"] for frames in (49, 81)]
    assert work[1] / work[0] == pytest.approx(21 / 13)


def test_a_measured_peak_covers_what_was_held() -> None:
    held = torch.ones(2**20, dtype=torch.uint8)
    assert peaks.measured(torch.device("cpu")) > held.nbytes
