"""The prior's equations equal naive loops, its latents go there and back, and vectors stand where words stood."""

from __future__ import annotations

import pytest
import torch

from retrieval.diffusion.clip_reader import Reader
from retrieval.diffusion.latents import FACTOR, PatchAutoencoder
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ANY_THING, EMPTY, STYLE_AT, THING_AT, ReaderConfig, prompt
from retrieval.errors import QueryError

READER = ReaderConfig(width=32, layers=1, heads=2)


@pytest.fixture(scope="module")
def prior() -> Prior:
    torch.manual_seed(0)
    made = Prior(PriorConfig(size=32, widths=(16, 32), reader=READER)).eval()
    for parameter in made.unet.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    return made


def test_noise_is_mixed_in_as_the_schedule_says_and_the_last_step_is_noise_alone(prior: Prior) -> None:
    latents, noise = torch.randn(3, *prior.latent_shape), torch.randn(3, *prior.latent_shape)
    t = torch.tensor([0, 500, 999])
    noisy = prior.noised(latents, noise, t)
    for row, step in enumerate(t.tolist()):
        kept = float(prior.schedule.alphas_cumprod[step])
        torch.testing.assert_close(noisy[row], kept**0.5 * latents[row] + (1 - kept) ** 0.5 * noise[row])
    torch.testing.assert_close(noisy[2], noise[2])


def test_the_errors_are_their_equations(prior: Prior) -> None:
    latents, noise = torch.randn(4, *prior.latent_shape), torch.randn(4, *prior.latent_shape)
    t, states = torch.tensor([10, 300, 600, 900]), prior.reader([prompt("photo", "duck")] * 4)
    with torch.no_grad():
        noisy = prior.noised(latents, noise, t)
        seen = prior.unet(noisy, t, states).sample
        velocity, of_noise = (found(latents, noise, t, states) for found in (prior.velocity_error, prior.noise_error))
    for row, step in enumerate(t.tolist()):
        a, s = (
            float(prior.schedule.alphas_cumprod[step]) ** 0.5,
            (1 - float(prior.schedule.alphas_cumprod[step])) ** 0.5,
        )
        v = a * noise[row] - s * latents[row]
        assert velocity[row].item() == pytest.approx(float(((seen[row] - v) ** 2).mean()), rel=1e-4)
        said = a * seen[row] + s * noisy[row]  # the noise that this velocity speaks of
        assert of_noise[row].item() == pytest.approx(float(((said - noise[row]) ** 2).mean()), rel=1e-3, abs=1e-6)


def test_most_training_steps_lie_in_the_middle_and_above(prior: Prior) -> None:
    torch.manual_seed(0)
    t = prior.training_steps(4000).double() / prior.steps
    assert t.min() >= 0
    assert t.max() < 1
    normal = t.clamp(1e-4, 1 - 1e-4).logit()
    assert float(normal.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(normal.std()) == pytest.approx(1.0, abs=0.03)


def test_a_share_that_is_rounded_up_to_one_gives_the_last_step(prior: Prior, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", torch.ones)
    for noisiest in (0.0, 1.0):
        t = prior.training_steps(8, noisiest)
        assert t.max() < prior.steps
        assert prior.signal(t).isfinite().all()
    assert t.max() == prior.steps - 1


def test_latents_are_an_eighth_of_the_size_and_of_unit_variance_once_normalised() -> None:
    torch.manual_seed(0)
    latents = PatchAutoencoder(4, (8, 12)).eval()
    pictures = torch.rand(16, 3, 32, 32) * 2 - 1
    latents.normalise(pictures)
    with torch.no_grad():
        found = latents.encode(pictures)
        back = latents.decode(found)
    assert found.shape == (16, 4, 32 // FACTOR, 32 // FACTOR)
    assert found.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    torch.testing.assert_close(found.std(dim=(0, 2, 3)), torch.ones(4), rtol=1e-3, atol=0)
    assert back.shape == pictures.shape
    assert back.abs().max() <= 1


def test_an_auto_encoder_learns_a_picture() -> None:
    torch.manual_seed(0)
    latents = PatchAutoencoder(8, (16, 24))
    pictures = torch.rand(2, 3, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3) * 2 - 1
    optimiser = torch.optim.Adam(latents.parameters(), 3e-3)
    before = latents.reconstruction(pictures)[0].item()
    for _ in range(60):
        optimiser.zero_grad()
        latents.reconstruction(pictures)[0].backward()
        optimiser.step()
    assert latents.reconstruction(pictures)[0].item() < before / 2


def test_words_keep_their_places_in_every_sentence(prior: Prior) -> None:
    reader = prior.reader
    one, other = reader.tokens([prompt("photo", "duck"), prompt("engraving", "cat")])
    differ = (one != other).nonzero()[:, 0].tolist()
    assert differ == [STYLE_AT, THING_AT]
    assert reader.tokens([prompt("photo")])[0, THING_AT] == reader.tokens([ANY_THING])[0, 1]


def test_a_vector_in_the_place_of_a_word_is_read_as_that_word(prior: Prior) -> None:
    reader = prior.reader
    said = reader([prompt("photo", "duck")])
    z, e = reader.word("duck")[None], reader.word("photo")[None]
    torch.testing.assert_close(reader([prompt()], {THING_AT: z, STYLE_AT: e}), said)
    assert not torch.allclose(reader([prompt()], {THING_AT: 2 * z, STYLE_AT: e}), said)


def test_a_small_vocabulary_reads_as_the_whole_one_does_and_says_what_it_does_not_know() -> None:
    torch.manual_seed(0)
    whole = Reader(READER)
    words = [EMPTY, prompt("photo", "duck")]
    kept = tuple(sorted(set(whole.tokens(words).flatten().tolist())))
    small = Reader(ReaderConfig(width=32, layers=1, heads=2, vocabulary=kept))
    weights = whole.state_dict()
    weights["token_embedding.weight"] = weights["token_embedding.weight"][list(kept)]
    small.load_state_dict(weights)
    torch.testing.assert_close(small(words), whole(words))
    with pytest.raises(QueryError, match="'cat'"):
        small([prompt("photo", "cat")])


def test_a_pooled_prompt_and_every_word_of_it_reach_the_picture(prior: Prior) -> None:
    x, t = torch.randn(1, *prior.latent_shape), torch.tensor([700])
    states = prior.reader([prompt("photo", "duck")]).detach().requires_grad_()
    prior.velocity(x, t, states).square().sum().backward()
    assert states.grad is not None
    assert (states.grad.abs().sum(dim=2) > 0).all()
