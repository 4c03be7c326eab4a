"""Blocks that families of networks share, and how their weights begin."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

SLOPE = 0.1
"""Negative slope of the leaky rectifiers."""


class Cosine(nn.Module):
    """x cos x, which has no preferred sign."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.cos(x)


def activation(cosine: bool) -> nn.Module:
    """What stands between two convolutions."""
    return Cosine() if cosine else nn.LeakyReLU(SLOPE)


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a straight path; (N, C, H, W) stays (N, C, H, W)."""

    def __init__(self, channels: int, cosine: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.act = activation(cosine)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.act(x + self.second(self.act(self.first(x))))
        return y


class Enlarge(nn.Module):
    """Doubles the sides by pixel shuffle: (N, C, H, W) -> (N, out, 2H, 2W)."""

    def __init__(self, channels: int, out: int, cosine: bool = False) -> None:
        super().__init__()
        self.spread = nn.Conv2d(channels, out * 4, 3, padding=1)
        self.act = activation(cosine)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pixel_shuffle(self.act(self.spread(x)), 2)


class Squeeze(nn.Linear):
    """Features (N, channels, side, side) -> (N, code)."""

    def __init__(self, channels: int, side: int, code: int) -> None:
        super().__init__(channels * side**2, code)
        self.channels, self.side = channels, side

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return super().forward(features.flatten(1))


class Expand(nn.Linear):
    """(N, code) -> features (N, channels, side, side)."""

    def __init__(self, code: int, channels: int, side: int) -> None:
        super().__init__(code, channels * side**2)
        self.channels, self.side = channels, side

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        return super().forward(code).view(-1, self.channels, self.side, self.side)


class Halve(nn.Conv2d):
    """Halves the sides of a picture of three channels, at first by the binomial filter."""

    def __init__(self) -> None:
        super().__init__(3, 3, 4, stride=2, padding=1)

    def start(self) -> None:
        """Begin as the filter (1, 3, 3, 1) / 8 down and across."""
        line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        with torch.no_grad():
            self.weight.copy_(torch.eye(3)[:, :, None, None] * line[:, None] * line)


class Finer(nn.Module):
    """One level more at the end of a decoder: the picture so far, enlarged, and what is painted on it.

    Features (N, channels, H, W) with a picture (N, 4, fold * H, fold * W) become those of twice the sides.
    """

    def __init__(self, channels: int, fold: int, cosine: bool = False) -> None:
        super().__init__()
        self.paint = nn.Sequential(Enlarge(channels, channels, cosine), Residual(channels, cosine))
        self.head = nn.Conv2d(channels, 4 * fold**2, 3, padding=1)
        self.unfold = nn.PixelShuffle(fold)

    def forward(self, features: torch.Tensor, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.paint(features)
        large = F.interpolate(picture, scale_factor=2.0, mode="bilinear", align_corners=False)
        return features, large + self.unfold(self.head(features))

    def start(self) -> None:
        """Begin by adding nothing."""
        nn.init.zeros_(self.head.weight)


def unit(code: torch.Tensor) -> torch.Tensor:
    """(N, code) -> the same, each with a root mean square of 1."""
    return code * torch.rsqrt(code.square().mean(1, keepdim=True) + 1e-6)


def start_weights(network: nn.Module) -> None:
    """Weights of all convolutions and dense layers of ``network`` that keep the spread of what passes (He et al. 2015).

    They suit x cos x as well: with a gain of 2 its spread s settles where E[(x cos x)^2] = s^2 / 2, at s = 0.5.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=SLOPE)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, Residual):
                module.second.weight.mul_(0.2)
            elif isinstance(module, Enlarge):
                # The four pixels that a pixel becomes begin alike, so that no pattern of 2 x 2 is there to be unlearned.
                module.spread.weight.copy_(module.spread.weight[::4].repeat_interleave(4, dim=0))
            elif isinstance(module, Halve | Finer):
                module.start()
