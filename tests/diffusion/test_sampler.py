"""The solvers against fields whose answer is known: every token ends where it should, however it started."""

import pytest
import torch
from worldwarp.diffusion.sampler import SOLVERS, dpmpp_2m, euler, guidance, per_latent, start

SHAPE = (4, 3, 8, 12)
TOKENS = (3, 4, 6)
both_solvers = pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS.keys())


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def starts(seed=1):
    """Context in the first row; of the rest a third blank, a third held at one level, a third anywhere."""
    kind = torch.randint(3, TOKENS, generator=torch.Generator().manual_seed(seed))
    anywhere = torch.rand(TOKENS, generator=torch.Generator().manual_seed(seed + 1)) * 0.9 + 0.05
    levels = torch.where(kind == 0, 1.0, torch.where(kind == 1, 0.75, anywhere))
    levels[0] = 0
    return levels


def levels_from(tokens, steps=20, shift=5.0):
    line = torch.linspace(1, 0, steps + 1)
    return torch.minimum((shift * line / (1 + (shift - 1) * line))[:, None, None, None], tokens)


def towards(z):
    """The field that leads to z on straight lines; NaN at level 0."""
    return lambda x, levels: (x - z) / per_latent(levels)


@both_solvers
@pytest.mark.parametrize("steps", [1, 2, 20])
def test_every_token_reaches_the_truth_of_a_straight_field(solve, steps):
    z, levels = drawn(*SHAPE), levels_from(starts(), steps)
    x = start(z, drawn(*SHAPE, seed=1), levels[0])
    torch.testing.assert_close(solve(towards(z), x, levels), z, rtol=1e-5, atol=2e-6)


@both_solvers
def test_the_papers_target_leaves_one_minus_the_starting_level_of_a_warps_error(solve):
    truth, noise, error = drawn(*SHAPE), drawn(*SHAPE, seed=1), drawn(*SHAPE, seed=2)
    levels = levels_from(starts())
    x = start(truth + error, noise, levels[0])
    end = solve(lambda x, _: noise - truth, x, levels)  # noqa: ARG005
    left = (1 - per_latent(levels[0])) * error
    torch.testing.assert_close(end - truth, left, rtol=1e-5, atol=5e-6)
    assert (levels[0] == 1).any()  # where nothing may be left


@both_solvers
def test_context_keeps_its_bits_through_every_step_even_if_the_model_says_nan(solve):
    z, levels = drawn(*SHAPE), levels_from(starts())
    context = per_latent(levels[0] == 0).expand(SHAPE)
    steps = []

    def look(step, count, x, clean):
        steps.append((step, count))
        assert torch.equal(x[context], z[context])
        assert torch.equal(clean[context], z[context])

    end = solve(towards(z), start(z, drawn(*SHAPE, seed=1), levels[0]), levels, look)
    assert torch.isnan(towards(z)(z, levels[0])[context]).all()
    assert end.isfinite().all()
    assert steps == [(i + 1, 20) for i in range(20)]


@both_solvers
def test_a_token_that_is_held_keeps_its_bits_until_it_moves(solve):
    z, levels = drawn(*SHAPE), levels_from(starts())
    x = start(z, drawn(*SHAPE, seed=1), levels[0])

    def look(step, _, now, __):
        held = per_latent((levels[: step + 1] == levels[0]).all(0)).expand(SHAPE)
        assert torch.equal(now[held], x[held])
        assert not (now == x)[~held].all()

    solve(towards(z), x, levels, look)


@both_solvers
def test_steps_in_which_nothing_moves_do_not_call_the_model(solve):
    levels = levels_from(torch.full(TOKENS, 0.75), 20)
    z, asked, seen = drawn(*SHAPE), [], []

    def model(x, now):
        asked.append(now)
        return towards(z)(x, now)

    x = start(z, drawn(*SHAPE, seed=1), levels[0])
    solve(model, x, levels, lambda step, _, now, clean: seen.append((step, now, clean)))
    still = int((levels[1:] == levels[:-1]).flatten(1).all(1).sum())
    assert still >= 5
    assert len(asked) == 20 - still
    assert [step for step, _, _ in seen] == list(range(1, 21))
    assert torch.equal(seen[0][1], x)
    assert torch.equal(seen[0][2], x)


@both_solvers
def test_the_estimate_that_is_shown_is_x_minus_sigma_v(solve):
    noise, truth, levels = drawn(*SHAPE, seed=1), drawn(*SHAPE), levels_from(torch.ones(TOKENS))
    before = [start(truth, noise, levels[0])]

    def look(step, _, x, clean):
        expected = before[-1] - per_latent(levels[step - 1]) * (noise - truth)
        torch.testing.assert_close(clean, expected)
        before.append(x)

    solve(lambda x, _: noise - truth, before[0], levels, look)  # noqa: ARG005


def curved(x, levels):
    """dx/dsigma = cos(2 sigma) x^2, which x = 1 / (k - sin(2 sigma) / 2) solves for every k."""
    return torch.cos(2 * per_latent(levels)) * x**2


def error_of(solve, tokens, steps, end):
    """The mean error at each of the tokens' levels, after even steps from 1 down to ``end``."""
    levels = torch.minimum(torch.linspace(1, end, steps + 1)[:, None, None, None], tokens)
    k = torch.linspace(1.2, 4, 4 * 3 * 8 * 12).reshape(SHAPE)
    x, truth = (1 / (k - torch.sin(2 * per_latent(row)) / 2) for row in (levels[0], levels[-1]))
    error = (solve(curved, x, levels) - truth).abs()
    return {level: float(error[per_latent(tokens == level).expand(SHAPE)].mean()) for level in (1, 0.75, 0.5, 0.25)}


def in_four_parts():
    tokens = torch.ones(TOKENS)
    tokens[1], tokens[2, :2], tokens[2, 2:] = 0.75, 0.5, 0.25
    return tokens


def test_the_multistep_solver_is_of_second_order_where_euler_is_of_first():
    for solve, order in ((euler, 2), (dpmpp_2m, 4)):
        coarse, fine = (error_of(solve, in_four_parts(), steps, 0.2) for steps in (64, 128))
        for level in (0.75, 0.5, 0.25):
            assert coarse[level] / fine[level] == pytest.approx(order, rel=0.2), (level, order)
        # From sigma = 1 the steps in log((1 - sigma) / sigma) begin infinite: the order is second but for a logarithm.
        assert coarse[1] / fine[1] > (1.9 if order == 2 else 2.8)


def test_the_multistep_solver_ends_nearer_to_the_truth_than_euler():
    rough, near = (error_of(solve, in_four_parts(), 40, 0) for solve in (euler, dpmpp_2m))
    assert all(near[level] < rough[level] / 5 for level in near)


def test_the_multistep_solver_follows_its_formula_in_float64_token_by_token():
    levels = levels_from(starts(), 12)
    x = start(drawn(*SHAPE), drawn(*SHAPE, seed=1), levels[0])
    end = dpmpp_2m(curved, x, levels)
    for t, i, j in ((0, 0, 0), *((1, i, j) for i in range(4) for j in range(6))):
        by_hand = walk_one(x[:, t, 2 * i, 2 * j].double(), levels[:, t, i, j].double())
        torch.testing.assert_close(end[:, t, 2 * i, 2 * j].double(), by_hand, rtol=1e-4, atol=1e-5)


def walk_one(x, levels):
    """DPM-Solver++(2M) for one latent, as algorithm 2 writes it."""
    lam = torch.log((1 - levels) / levels)
    previous = None  # D and step in lambda
    for i in range(len(levels) - 1):
        now, after = levels[i], levels[i + 1]
        if now == after:
            previous = None
            continue
        h, clean = lam[i + 1] - lam[i], x - now * torch.cos(2 * now) * x**2
        ahead = clean
        if previous is not None and after > 0:
            r = previous[1] / h
            ahead = (1 + 1 / (2 * r)) * clean - previous[0] / (2 * r)
        x = after / now * x + (1 - after / now) * ahead
        previous = clean, h
    return x


@both_solvers
def test_same_input_same_bits_and_always_float32(solve):
    levels = levels_from(starts())
    x = start(drawn(*SHAPE), drawn(*SHAPE, seed=1), levels[0])

    def half(now, tokens):
        return curved(now, tokens).bfloat16()

    first = solve(half, x, levels)
    assert torch.equal(first, solve(half, x, levels))
    assert first.dtype == torch.float32


@both_solvers
def test_what_the_callback_raises_ends_the_work(solve):
    levels = levels_from(starts())

    def cancel(step, *_):
        if step == 3:
            raise InterruptedError

    asked = []
    with pytest.raises(InterruptedError):
        solve(lambda x, _: asked.append(0) or x, drawn(*SHAPE), levels, cancel)
    assert len(asked) == 3


@pytest.mark.parametrize("tokens", [(3, 4, 5), (2, 4, 6), (3, 6, 4), (72,)])
def test_levels_that_do_not_fit_the_latents_are_refused(tokens):
    for call in (
        lambda: start(drawn(*SHAPE), drawn(*SHAPE), torch.ones(tokens)),
        lambda: euler(curved, drawn(*SHAPE), torch.ones(2, *tokens)),
    ):
        with pytest.raises(ValueError, match=r"Noise levels of shape \(.*\) do not fit latents of shape \(4, 3, 8, 12"):
            call()


def text_model(texts):
    """A stand-in for the transformer: v = text * x + level, for each text (1, 1)."""
    return lambda x, levels: torch.stack([text.sum() * x + per_latent(levels) for text in texts])


@pytest.mark.parametrize("together", [True, False])
def test_guidance_per_token_is_the_formula_by_hand(together):
    scale = torch.rand(TOKENS, generator=torch.Generator().manual_seed(5)) * 6
    x, levels, texts = drawn(*SHAPE), starts(), torch.tensor([[[0.7]], [[-0.3]]])
    guided = guidance(text_model, texts, scale, together)(x, levels)
    v_c, v_u = text_model(texts.double())(x.double(), levels.double())
    for t, i, j in ((0, 0, 0), (1, 3, 5), (2, 2, 1)):
        tile = (slice(None), t, slice(2 * i, 2 * i + 2), slice(2 * j, 2 * j + 2))
        by_hand = v_u[tile] + float(scale[t, i, j]) * (v_c[tile] - v_u[tile])
        torch.testing.assert_close(guided[tile].double(), by_hand, rtol=1e-5, atol=1e-5)


def test_guidance_asks_two_texts_at_once_or_one_after_the_other_or_only_one():
    asked = []

    def of_text(texts):
        model = text_model(texts)
        return lambda x, levels: asked.append(len(texts)) or model(x, levels)

    x, levels, texts = drawn(*SHAPE), starts(), torch.tensor([[[0.7]], [[-0.3]]])
    once = guidance(of_text, texts, 5.0)(x, levels)
    twice = guidance(of_text, texts, 5.0, together=False)(x, levels)
    alone = guidance(of_text, texts, torch.ones(TOKENS))(x, levels)
    assert asked == [2, 1, 1, 1]
    assert torch.equal(once, twice)
    assert torch.equal(alone, text_model(texts)(x, levels)[0])
    assert torch.equal(alone, guidance(of_text, texts[:1], 1.0)(x, levels))
