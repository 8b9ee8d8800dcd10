# SPDX-License-Identifier: Apache-2.0
"""A LLaMA in plain PyTorch with random weights, LoRA beside its projections or everything trained: the peer of heal_gpu.py on a machine
without PEFT. Nothing of it is slower than it must be in plain PyTorch: scaled_dot_product_attention, no masks, no padding.

Imported by heal_gpu.py; it is no program itself.
"""
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint


class Projection(nn.Module):
    """W x, and with a rank alpha / r * B A dropout(x); then W is frozen."""

    def __init__(self, columns, rows, rank, alpha, dropout):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, columns).normal_(0, 0.02), requires_grad=rank == 0)
        self.rank, self.scale, self.dropout = rank, alpha / max(rank, 1), dropout
        if rank:
            self.a = nn.Parameter(torch.empty(rank, columns).uniform_(-(columns**-0.5), columns**-0.5))
            self.b = nn.Parameter(torch.zeros(rows, rank))

    def forward(self, x):
        y = F.linear(x, self.weight)
        if self.rank:
            y = y + self.scale * F.linear(F.linear(F.dropout(x, self.dropout, self.training), self.a), self.b)
        return y


class Block(nn.Module):
    def __init__(self, shape, rank, alpha, dropout):
        super().__init__()
        hidden, inner = shape["hidden_size"], shape["intermediate_size"]
        self.heads, self.kv_heads, self.eps = shape["num_attention_heads"], shape["num_key_value_heads"], shape["rms_norm_eps"]
        self.width = hidden // self.heads
        projection = lambda columns, rows: Projection(columns, rows, rank, alpha, dropout)
        self.q, self.k, self.v = (projection(hidden, n * self.width) for n in (self.heads, self.kv_heads, self.kv_heads))
        self.o, self.gate, self.up, self.down = projection(hidden, hidden), *(projection(hidden, inner) for _ in range(2)), projection(inner, hidden)
        self.before, self.between = (nn.Parameter(torch.ones(hidden), requires_grad=rank == 0) for _ in range(2))

    def forward(self, x, cos, sin):
        y = F.rms_norm(x, x.shape[-1:], self.before.to(x.dtype), self.eps)
        q, k, v = (p(y).unflatten(-1, (-1, self.width)).transpose(1, 2) for p in (self.q, self.k, self.v))
        q, k = (t * cos + torch.cat((-t[..., self.width // 2 :], t[..., : self.width // 2]), -1) * sin for t in (q, k))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.kv_heads != self.heads)
        x = x + self.o(y.transpose(1, 2).flatten(2))
        y = F.rms_norm(x, x.shape[-1:], self.between.to(x.dtype), self.eps)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class PlainLlama(nn.Module):
    def __init__(self, shape, rank=0, alpha=16, dropout=0.0, recompute=False):
        super().__init__()
        self.shape, self.recompute, trained = shape, recompute, rank == 0
        size = (shape["vocab_size"], shape["hidden_size"])
        self.embedding, self.head = (nn.Parameter(torch.empty(size).normal_(0, 0.02), requires_grad=trained) for _ in range(2))
        self.blocks = nn.ModuleList(Block(shape, rank, alpha, dropout) for _ in range(shape["num_hidden_layers"]))
        self.last = nn.Parameter(torch.ones(shape["hidden_size"]), requires_grad=trained)

    def rotation(self, length, like):
        width = self.shape["hidden_size"] // self.shape["num_attention_heads"]
        angles = self.shape["rope_theta"] ** (-torch.arange(0, width, 2, device=like.device, dtype=torch.float32) / width)
        angles = torch.arange(length, device=like.device, dtype=torch.float32)[:, None] * torch.cat((angles, angles))
        return angles.cos().to(like.dtype), angles.sin().to(like.dtype)

    def forward(self, ids):
        """-> the mean of the cross-entropy of all next tokens"""
        x = F.embedding(ids, self.embedding)
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        cos, sin = self.rotation(ids.shape[1], x)
        for block in self.blocks:
            x = checkpoint(block, x, cos, sin, use_reentrant=False) if self.recompute and self.training else block(x, cos, sin)
        x = F.rms_norm(x, x.shape[-1:], self.last.to(x.dtype), self.shape["rms_norm_eps"])
        logits = F.linear(x[:, :-1], self.head)
        return F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
