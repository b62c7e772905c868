"""What a prior is shown and told, how it is trained, and how a student learns to draw in four steps."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.data.sampler import Portion, Sampler
from retrieval.data.wording import Prompts
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ReaderConfig
from retrieval.diffusion.samplers import STUDENT, draw, guided, noise, scheduler
from retrieval.images import Preprocess
from retrieval.training.loop import fit
from retrieval.training.recipes.parts.consistency import (
    SUBSTEPS,
    StudentTraining,
    consistent,
    pseudo_huber,
    stepped_down,
)
from retrieval.training.recipes.parts.prior_pictures import prompted as prompted_batches
from retrieval.training.recipes.parts.prior_training import LatentTraining, PriorTraining
from retrieval.training.recipes.prior import PriorSettings


def prompted(steps: int = 3, batch: int = 8, wording: Prompts | None = None) -> Sampler:
    rng = np.random.default_rng(0)
    portions = [
        Portion(
            PictureTable(
                map(ArrayPicture, rng.integers(0, 256, (6, 32, 32, 3), np.uint8)),
                style,
                labels=["duck", "cat"] * 3,
                colors=colors,
            ),
            share,
        )
        for style, colors, share in (("photo", ["red"] * 6, 0.75), ("sketch", [""] * 6, 0.25))
    ]
    preprocess = Preprocess(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    return prompted_batches((portions, ()), preprocess, batch=batch, steps=steps, wording=wording)


def tiny(seed: int = 0) -> Prior:
    torch.manual_seed(seed)
    prior = Prior(PriorConfig(size=32, widths=(16, 32), reader=ReaderConfig(width=32, layers=1, heads=2)))
    prior.latents.requires_grad_(False)
    return prior


def test_sentences_leave_out_what_they_should_as_often_as_they_should() -> None:
    (batch,) = prompted(1, 8000).epoch(0, 0)
    said = Counter()
    for text, domain in zip(batch.texts, batch.domains, strict=True):
        said["nothing"] += text == ""
        said["no thing"] += text == f"a {domain.name} of a thing"
        said["no style"] += text.startswith("a picture of a ")
        said["color"] += "red" in text
        assert text == "" or text.startswith((f"a {domain.name} of a ", "a picture of a "))
        assert not ("red" in text and domain.name == "sketch")
    shares = {name: count / 8000 for name, count in said.items()}
    assert shares["nothing"] == pytest.approx(0.1, abs=0.012)
    assert shares["no thing"] == pytest.approx(0.1, abs=0.012)
    assert shares["no style"] == pytest.approx(0.1, abs=0.012)
    assert shares["color"] == pytest.approx(0.8 * 0.75 * 0.4, abs=0.02)
    assert sum(d.name == "photo" for d in batch.domains) / 8000 == pytest.approx(0.75, abs=0.02)
    assert batch.labels is None


def test_batches_are_a_function_of_seed_and_place() -> None:
    one, two, other = (list(prompted().epoch(seed, 1)) for seed in (4, 4, 5))
    assert all(torch.equal(a.images, b.images) and a.texts == b.texts for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0].images, other[0].images)


def test_only_the_network_learns_and_goes_on_where_it_stopped() -> None:
    settings = PriorSettings(epochs=2, settling=1, steps=3)
    prior = tiny()
    reader = {name: value.clone() for name, value in prior.reader.state_dict().items()}
    states = [report.state() for report in fit(PriorTraining(prior, settings), prompted(), seed=0)]
    assert all(torch.equal(value, reader[name]) for name, value in prior.reader.state_dict().items())
    again = tiny(3)
    list(fit(PriorTraining(again, settings), prompted(), seed=0, resume=states[0]))
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in prior.state_dict().items())


def test_more_epochs_may_be_asked_of_a_begun_run() -> None:
    short, long = (PriorSettings(epochs=epochs, settling=0, steps=3) for epochs in (1, 2))
    states = [report.state() for report in fit(PriorTraining(tiny(), short), prompted(), seed=0)]
    prior = tiny(3)
    reports = list(fit(PriorTraining(prior, long), prompted(), seed=0, resume=states[0]))
    assert [report.epoch for report in reports] == [2]


def test_an_auto_encoder_is_trained_by_the_same_loop() -> None:
    (report,) = fit(LatentTraining(4, 1), prompted(), seed=0)
    assert report.losses["lost"] > 0


# ---------------------------------------------------------------- the student


def test_at_the_picture_itself_the_student_changes_nothing() -> None:
    prior = tiny()
    x, velocity = torch.randn(2, *prior.latent_shape), torch.randn(2, *prior.latent_shape)
    torch.testing.assert_close(consistent(prior, x, torch.zeros(2, dtype=torch.int64), velocity), x)


def test_far_from_it_the_student_names_the_end_of_the_path() -> None:
    prior, t = tiny(), torch.tensor([400, 900])
    x, velocity = torch.randn(2, *prior.latent_shape), torch.randn(2, *prior.latent_shape)
    signal = prior.signal(t)
    end = signal.sqrt() * x - (1 - signal).sqrt() * velocity
    torch.testing.assert_close(consistent(prior, x, t, velocity), end, rtol=1e-3, atol=1e-3)


def test_a_step_down_is_that_of_diffusers() -> None:
    prior = tiny()
    ddim = DDIMScheduler.from_config(prior.schedule.config, timestep_spacing="trailing", set_alpha_to_one=True)
    ddim.set_timesteps(50)
    x, velocity = torch.randn(1, *prior.latent_shape), torch.randn(1, *prior.latent_shape)
    for step in (999, 499, 19):
        theirs = ddim.step(velocity, step, x, eta=0.0).prev_sample
        ours = stepped_down(prior, x, torch.tensor([step]), torch.tensor([step - 20]), velocity)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_pseudo_huber_is_its_equation() -> None:
    difference = torch.randn(3, 2, 4, 4, dtype=torch.float64)
    c = 0.001 * 32**0.5
    for row, found in zip(difference, pseudo_huber(difference).tolist(), strict=True):
        assert found == pytest.approx((sum(float(v) ** 2 for v in row.flatten()) + c * c) ** 0.5 - c, rel=1e-9)


def test_a_student_is_taught_where_it_draws_and_to_the_end_that_its_slow_copy_names() -> None:
    teacher = tiny().eval()
    training = StudentTraining(teacher, None, guidance=3.0, epochs=1, lr=1e-3).eval()
    batch = next(iter(prompted().epoch(0, 0)))
    drawn_at = scheduler(teacher, STUDENT).timesteps.tolist()
    torch.manual_seed(8)
    found = training.losses(batch, training.phases()[0])["consistency"].item()
    torch.manual_seed(8)
    at = torch.randint(len(drawn_at), (len(batch.images),)).tolist()
    latents = teacher.latents.encode(batch.images)
    eps = torch.randn_like(latents)
    total = 0.0
    for row, place in enumerate(at):
        first, last = drawn_at[place], [*drawn_at, -1][place + 1]
        states = teacher.reader([batch.texts[row]])
        seen = guided(teacher, states, 3.0)
        x = teacher.noised(latents[row : row + 1], eps[row : row + 1], torch.tensor([first]))
        with torch.no_grad():
            below, steps = x, [first - (first - last) * number // SUBSTEPS for number in range(SUBSTEPS + 1)]
            for high, low in pairwise(steps):
                t = torch.tensor([high])
                below = stepped_down(teacher, below, t, torch.tensor([low]), seen(below, t))
            t = torch.tensor([last])
            end = below if last < 0 else consistent(teacher, below, t, teacher.velocity(below, t, states))
            mine = consistent(teacher, x, torch.tensor([first]), teacher.velocity(x, torch.tensor([first]), states))
        total += pseudo_huber(mine - end).item()
    assert found == pytest.approx(total / len(at), rel=1e-3)


def test_a_student_learns_from_its_teacher_and_draws_in_four_steps() -> None:
    teacher = tiny().eval()
    training = StudentTraining(teacher, None, guidance=3.0, epochs=1, lr=1e-3)
    (report,) = fit(training, prompted(2), seed=0, averaging=0.5)
    assert report.losses["consistency"] > 0
    assert not torch.equal(training.student.unet.conv_in.weight, teacher.unet.conv_in.weight)
    assert not torch.equal(training.slow.conv_in.weight, training.student.unet.conv_in.weight)
    drawn = list(draw(training.student.eval(), teacher.reader(["a photo of a duck"]), noise(teacher, 0), STUDENT))
    assert len(drawn) == 4
    assert torch.isfinite(drawn[-1]).all()
