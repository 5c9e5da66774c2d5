"""Writes fixtures/golden/linear-mixers.safetensors: expected values in float64 for recurrences with a decay for every
channel, and for whole layers of gated linear attention (Yang et al., arXiv 2312.06635) and Kimi delta attention (Kimi
Team, arXiv 2510.26692), computed token by token with the matrices of the papers' equations. Inputs are float32, so that
every backend has the same. Needs `pip install numpy safetensors`."""
import pathlib

import numpy
from safetensors.numpy import save_file

TARGET = pathlib.Path(__file__).parent.parent / "fixtures/golden/linear-mixers.safetensors"
generator = numpy.random.default_rng(2)
saved = {}


def keep(name, values):
    """Saves values rounded to float32, and gives them back as they were saved."""
    saved[name] = numpy.ascontiguousarray(values, dtype=numpy.float32)
    return saved[name].astype(numpy.float64)


def expect(name, values):
    saved[name] = numpy.ascontiguousarray(values, dtype=numpy.float64)


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def gla(q, k, v, alpha, state):
    """S_t = Diag(alpha_t) S_{t-1} + k_t v_t^T, o_t = S_t^T q_t; one head."""
    out = []
    for t in range(len(q)):
        state = numpy.diag(alpha[t]) @ state + numpy.outer(k[t], v[t])
        out.append(state.T @ q[t])
    return numpy.array(out), state


def kda(q, k, v, alpha, beta, state):
    """S_t = (I - beta_t k_t k_t^T) Diag(alpha_t) S_{t-1} + beta_t k_t v_t^T, o_t = S_t^T q_t; one head."""
    out = []
    for t in range(len(q)):
        erase = numpy.eye(len(k[t])) - beta[t] * numpy.outer(k[t], k[t])
        state = erase @ numpy.diag(alpha[t]) @ state + beta[t] * numpy.outer(k[t], v[t])
        out.append(state.T @ q[t])
    return numpy.array(out), state


def recurrence(name, tokens, heads, keys, values, log_decay):
    def unit(shape):
        x = generator.normal(size=shape)
        return x / numpy.linalg.norm(x, axis=-1, keepdims=True)

    q = keep(f"{name}.q", generator.normal(size=(tokens, heads, keys)))
    k = keep(f"{name}.k", unit((tokens, heads, keys)))
    v = keep(f"{name}.v", generator.normal(size=(tokens, heads, values)))
    g = keep(f"{name}.g", log_decay((tokens, heads, keys)))
    beta = keep(f"{name}.beta", generator.uniform(0, 1, (tokens, heads)))
    start = keep(f"{name}.S0", generator.normal(size=(heads, keys, values)))
    for kind in ["delta", "additive"]:
        outs, states = [], []
        for h in range(heads):
            operands = (keys ** -0.5 * q[:, h], k[:, h], v[:, h], numpy.exp(g[:, h]))
            o, s = kda(*operands, beta[:, h], start[h]) if kind == "delta" else gla(*operands, start[h])
            outs.append(o)
            states.append(s)
        expect(f"{name}.{kind}.o", numpy.stack(outs, axis=1))
        expect(f"{name}.{kind}.ST", numpy.stack(states))


def strong(shape):
    """From none to what no single precision remembers, channel by channel and token by token."""
    g = -numpy.exp(generator.uniform(numpy.log(1e-4), numpy.log(90), shape))
    g[generator.uniform(size=shape) < 0.1] = 0
    return g


class Layer:
    """What both layers share: heads of d channels, key and value heads that each serve a group of query heads."""

    def __init__(self, name, heads, groups, d, hidden, tokens, *, convolution=0, biases=False, rotary=False, norms=False):
        self.name, self.heads, self.groups, self.d, self.hidden = name, heads, groups, d, hidden
        self.convolution, self.biases, self.rotary, self.norms = convolution, biases, rotary, norms
        self.x = keep(f"{name}.x", generator.normal(size=(tokens, hidden)))

    def weight(self, name, *shape):
        """As checkpoints name it below `linear_attn.`; gains near one, rows of matrices that keep sizes."""
        size = shape[-1] ** -0.5 if len(shape) > 1 else 0.3
        gain = 1 if name.endswith(("_norm.weight", "_gate.weight")) else 0
        return keep(f"{self.name}.weights.{name}", gain + generator.normal(size=shape) * size)

    def linear(self, x, name, outputs, bias=False):
        y = x @ self.weight(f"{name}.weight", outputs, x.shape[1]).T
        return y + self.weight(f"{name}.bias", outputs) if bias else y

    def branch(self, part, heads, activation, norm):
        """The inputs of a recurrence, [tokens, heads, d]."""
        z = self.linear(self.x, f"{part}_proj", heads * self.d, self.biases)
        if self.convolution:
            taps = self.weight(f"{part}_conv1d.weight", heads * self.d, 1, self.convolution)[:, 0]
            padded = numpy.concatenate([numpy.zeros((self.convolution - 1, z.shape[1])), z])
            z = sum(padded[j:j + len(z)] * taps[:, j] for j in range(self.convolution))
        if activation:
            z = z * sigmoid(z)
        z = z.reshape(len(z), heads, self.d)
        if part == "v":
            return z
        if self.norms:
            gain = self.weight(f"{part}_norm.weight", self.d)
            # The epsilon of the model, unlike that of the output norm.
            z = z / numpy.sqrt((z ** 2).mean(-1, keepdims=True) + 1e-3) * gain if norm == "rms" else z * gain
        if self.rotary:
            # Pairs (i, i + d / 2) as complex numbers, turned by position * 10000^(-2 i / d).
            half = self.d // 2
            angle = numpy.outer(numpy.arange(len(z)), 10000.0 ** (-2 * numpy.arange(half) / self.d))
            turned = (z[..., :half] + 1j * z[..., half:]) * numpy.exp(1j * angle)[:, None]
            z = numpy.concatenate([turned.real, turned.imag], axis=-1)
        return z / numpy.sqrt((z ** 2).sum(-1, keepdims=True) + 1e-6) if norm == "unit" else z

    def mix(self, recurrence, q, k, v, *gates):
        outs, states = [], []
        for h in range(self.heads):
            group = h // (self.heads // self.groups)
            start = numpy.zeros((self.d, self.d))
            o, s = recurrence(
                self.d ** -0.5 * q[:, h], k[:, group], v[:, group], *[gate[:, h] for gate in gates], start)
            outs.append(o)
            states.append(s)
        expect(f"{self.name}.state", numpy.stack(states))
        return numpy.stack(outs, axis=1)

    def finish(self, o, norm, gate):
        o = o / numpy.sqrt((o ** 2).mean(-1, keepdims=True) + 1e-5) * self.weight(norm, self.d)
        expect(f"{self.name}.y", self.linear(o.reshape(len(o), -1) * gate, "o_proj", self.hidden))


def gla_layer(layer, rank, activation):
    q = layer.branch("q", layer.heads, activation, "rms")
    k = layer.branch("k", layer.groups, activation, "rms")
    v = layer.branch("v", layer.groups, activation, None)
    width = layer.heads * layer.d
    logits = layer.linear(layer.linear(layer.x, "gk_proj.0", rank), "gk_proj.1", width, bias=True)
    alpha = sigmoid(logits) ** (1 / 16)
    o = layer.mix(gla, q, k, v, alpha.reshape(-1, layer.heads, layer.d))
    gate = layer.linear(layer.x, "g_proj", width)
    layer.finish(o, "g_norm_swish_gate.weight", gate * sigmoid(gate))


def kda_layer(layer, decay_rank, gate_rank, bound):
    q = layer.branch("q", layer.heads, True, "unit")
    k = layer.branch("k", layer.groups, True, "unit")
    v = layer.branch("v", layer.groups, True, None)
    width = layer.heads * layer.d
    f = layer.linear(layer.linear(layer.x, "f_proj.0", decay_rank), "f_proj.1", width)
    f = (f + layer.weight("dt_bias", width)).reshape(-1, layer.heads, layer.d)
    rate = numpy.exp(layer.weight("A_log", layer.heads))[:, None]
    # exp(-rate * softplus(f)), or with a bound exp(bound * sigmoid(rate * f)).
    alpha = (1 + numpy.exp(f)) ** -rate if bound is None else numpy.exp(bound * sigmoid(rate * f))
    beta = sigmoid(layer.linear(layer.x, "b_proj", layer.heads))
    o = layer.mix(kda, q, k, v, alpha, beta)
    gate = layer.linear(layer.linear(layer.x, "g_proj.0", gate_rank), "g_proj.1", width, bias=True)
    layer.finish(o, "o_norm.weight", sigmoid(gate))


recurrence("random", 70, 2, 16, 16, lambda shape: -generator.exponential(0.2, shape))
recurrence("strong", 37, 2, 24, 40, strong)
recurrence("long", 131, 1, 32, 32, lambda shape: -generator.exponential(0.02, shape))
gla_layer(Layer("gla-plain", 3, 3, 16, 20, 21), 16, False)
gla_layer(
    Layer("gla-all", 4, 2, 8, 24, 37, convolution=3, biases=True, rotary=True, norms=True), 5, True)
kda_layer(Layer("kda-plain", 3, 3, 16, 20, 21, convolution=4), 16, 16, None)
kda_layer(
    Layer("kda-all", 4, 2, 8, 24, 37, convolution=3, biases=True, rotary=True, norms=True), 5, 7, -5)
save_file(saved, TARGET)
print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")
