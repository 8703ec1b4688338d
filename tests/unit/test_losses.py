import math

import pytest
import torch

from smartnet.errors import ModelError
from smartnet.losses import (
    classification_loss,
    consistency_loss,
    dice_loss,
    dice_sums,
    reconstruction_loss,
    restoration_loss,
    segmentation_loss,
    upstream_losses,
    word_loss,
)


def _logit(p):
    return math.log(p / (1 - p))


def test_classification_by_hand():
    logits = torch.tensor([[_logit(0.8)], [_logit(0.3)]])
    want = -(math.log(0.8) + math.log(0.7)) / 2
    assert classification_loss(logits, torch.tensor([[1.0], [0.0]])).item() == pytest.approx(want, rel=1e-5)


def test_segmentation_by_hand_over_the_whole_batch():
    """Two slices of two pixels; the second slice has no lesion but counts in the one Dice of the batch."""
    p = torch.tensor([[0.9, 0.2], [0.1, 0.4]]).view(2, 1, 1, 2)
    mask = torch.tensor([[1.0, 0.0], [0.0, 0.0]]).view(2, 1, 1, 2)
    dice = 1 - 2 * 0.9 / (1.6 + 1)
    bce = -(math.log(0.9) + math.log(0.8) + math.log(0.9) + math.log(0.6)) / 4
    assert segmentation_loss(p.logit(), mask).item() == pytest.approx(dice + bce, rel=1e-5)


def test_dice_of_a_batch_without_lesion_is_zero_and_without_gradient():
    logits = torch.randn(2, 1, 4, 4, requires_grad=True)
    loss = dice_loss(dice_sums(logits, torch.zeros(2, 1, 4, 4)))
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()


def test_dice_does_not_depend_on_how_batches_are_cut():
    logits, mask = torch.randn(6, 1, 8, 8), (torch.rand(6, 1, 8, 8) > 0.8).float()
    parts = dice_sums(logits[:2], mask[:2]) + dice_sums(logits[2:], mask[2:])
    assert torch.allclose(dice_loss(parts), dice_loss(dice_sums(logits, mask)))


def test_reconstruction_by_hand():
    grey = torch.tensor([0.5, 1.2]).view(1, 1, 1, 2)
    assert reconstruction_loss(grey, torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)).item() == pytest.approx(0.35)


def test_consistency_by_hand():
    """32 x 32: four tiles with maxima 0.9, 0.1, 0.1, 0.1, so 0.3; the CLS head says 0.8."""
    probability = torch.full((1, 1, 32, 32), 0.1)
    probability[0, 0, 3, 5] = 0.9
    cls = torch.tensor([[_logit(0.8)]])
    assert consistency_loss(cls, probability.logit()).item() == pytest.approx(0.25, rel=1e-4)
    gem = ((1023 * 0.1**3 + 0.9**3) / 1024) ** (1 / 3)
    got = consistency_loss(cls, probability.logit(), pooling="gem").item()
    assert got == pytest.approx((0.8 - gem) ** 2, rel=1e-4)
    with pytest.raises(ValueError, match="not 'mean'"):
        consistency_loss(cls, probability.logit(), pooling="mean")


def test_gem_has_a_gradient_where_the_probability_vanishes():
    seg = torch.full((1, 1, 16, 16), -200.0, requires_grad=True)
    consistency_loss(torch.zeros(1, 1), seg, pooling="gem").backward()
    assert torch.isfinite(seg.grad).all()


@pytest.mark.parametrize("pooling", ["max-avg", "gem"])
def test_consistency_of_a_batch_is_the_mean_over_its_slices(pooling):
    cls, seg = torch.randn(3, 1), torch.randn(3, 1, 32, 48)
    alone = [consistency_loss(cls[k : k + 1], seg[k : k + 1], pooling=pooling) for k in range(3)]
    assert torch.allclose(consistency_loss(cls, seg, pooling=pooling), torch.stack(alone).mean())


def test_max_avg_of_an_oblong_map_by_hand():
    """64 x 48: twelve tiles, of which three show something, in a corner, in the middle and twice."""
    probability = torch.zeros(1, 1, 64, 48)
    probability[0, 0, 0, 0], probability[0, 0, 40, 20] = 1.0, 0.6
    probability[0, 0, 50, 40], probability[0, 0, 63, 47] = 0.8, 0.4
    got = consistency_loss(torch.full((1, 1), -50.0), probability.logit(eps=1e-12), pooling="max-avg")
    assert got.item() == pytest.approx(((1.0 + 0.6 + 0.8) / 12) ** 2, rel=1e-5)


@pytest.mark.parametrize("pooling", ["max-avg", "gem"])
def test_consistency_is_nothing_where_both_heads_agree(pooling):
    seg = torch.full((2, 1, 32, 32), 0.7)
    assert consistency_loss(torch.full((2, 1), 0.7), seg, pooling=pooling).item() < 1e-12


@pytest.mark.parametrize("pooling", ["max-avg", "gem"])
def test_consistency_pulls_both_heads(pooling):
    cls = torch.zeros(1, 1, requires_grad=True)
    seg = torch.full((1, 1, 16, 16), 3.0, requires_grad=True)
    consistency_loss(cls, seg, pooling=pooling).backward()
    assert cls.grad.item() < 0 and seg.grad.sum().item() > 0


@pytest.mark.parametrize("size", [(15, 16), (32, 8)])
def test_a_map_smaller_than_a_tile_is_refused(size):
    seg = torch.zeros(2, 1, *size)
    message = f"maps of {size[0]} x {size[1]} pixels hold no tile of 16 x 16, .* or consistency_pooling gem"
    with pytest.raises(ModelError, match=message) as error:
        consistency_loss(torch.zeros(2, 1), seg)
    assert "\n" not in str(error.value)
    assert consistency_loss(torch.zeros(2, 1), seg, pooling="gem") < 1e-12


@pytest.mark.parametrize(
    ("cls", "seg"),
    [((2,), (2, 1, 32, 32)), ((2, 1), (3, 1, 32, 32)), ((2, 1), (2, 32, 32)), ((2, 1), (2, 3, 32, 32))],
)
def test_ill_shapes_are_refused_and_not_broadcast(cls, seg):
    with pytest.raises(ModelError, match=r"takes CLS logits \(N, 1\) and SEG logits \(N, 1, H, W\)") as error:
        consistency_loss(torch.zeros(cls), torch.zeros(seg))
    assert f"{cls} and {seg}" in str(error.value) and "\n" not in str(error.value)


def test_target_of_cls_is_any_mask_pixel():
    masks = torch.zeros(2, 1, 16, 16)
    masks[1, 0, 0, 0] = 1
    slices = torch.rand(2, 1, 16, 16)
    logits = torch.tensor([[-2.0], [3.0]])
    outputs = {"cls": logits, "seg": torch.randn(2, 1, 16, 16), "rec": slices}
    terms = upstream_losses(outputs, slices, masks, consistency="max-avg")
    assert set(terms) == {"cls", "seg", "rec", "consistency"} and terms["rec"] == 0
    assert torch.allclose(terms["cls"], classification_loss(logits, torch.tensor([[0.0], [1.0]])))
    assert set(upstream_losses({"rec": slices}, slices, masks)) == {"rec"}


def test_losses_of_the_self_supervised_starts_by_hand():
    grey, slices = torch.tensor([0.5, 1.0]).view(2, 1, 1, 1), torch.tensor([0.1, 0.8]).view(2, 1, 1, 1)
    assert restoration_loss(grey, slices).item() == pytest.approx((0.16 + 0.04) / 2)
    logits = torch.tensor([[0.0, math.log(3)], [math.log(4), 0.0]])
    want = -(math.log(0.75) + math.log(0.2)) / 2
    assert word_loss(logits, torch.tensor([1, 1])).item() == pytest.approx(want)
