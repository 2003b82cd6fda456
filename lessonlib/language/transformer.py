"""A small causal transformer over characters. torch is imported when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lessonlib.language.corpus import CHARACTERS

if TYPE_CHECKING:
    import torch

CONTEXT, WIDTH, HEADS, LAYERS = 64, 64, 4, 2


def transformer() -> torch.nn.Module:
    """Return a small causal transformer: tokens of shape (n, length) in, logits (n, length, characters) out."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.look, self.mix = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.think = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            n, length, _ = x.shape
            split = self.look(self.norm_1(x)).view(n, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
            seen = nn.functional.scaled_dot_product_attention(*split, is_causal=True)
            x = x + self.mix(seen.transpose(1, 2).reshape(n, length, WIDTH))
            return x + self.think(self.norm_2(x))

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.place = nn.Embedding(len(CHARACTERS), WIDTH), nn.Embedding(CONTEXT, WIDTH)
            for table in (self.token, self.place):
                nn.init.normal_(table.weight, std=0.1)
            self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
            self.out = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(CHARACTERS)))

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.out(self.blocks(self.token(tokens) + self.place.weight[: tokens.shape[1]]))

    return Transformer()


def logits_of(network: torch.nn.Module, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the logits for what follows each token of each row."""
    import torch

    with torch.no_grad():
        return torch.cat([network(part) for part in torch.from_numpy(tokens).split(64)]).numpy()
