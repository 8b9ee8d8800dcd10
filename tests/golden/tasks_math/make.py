# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of tasks in Python: its random numbers, its JSON, numpy's argmax and percentile, scipy's binomial test.

Run: python make.py      (needs numpy and scipy; ten seconds)
Writes values.json beside this script. Numbers that JSON does not have are strings, as Python prints them.
"""
import json
import math
import pathlib
import random
import statistics
import sys

import numpy
import scipy.stats

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import jsonfile  # noqa: E402


def draws(seed):
    """One generator a kind of draw; 700 numbers are more than its state holds at once."""
    late, below, choices, shuffled = (random.Random(seed) for _ in range(4))
    order = list(range(50))
    shuffled.shuffle(order)
    first = [late.random() for _ in range(4)]
    for _ in range(700):
        late.random()
    bounds = [1, 2, 3, 4, 10, 1000, 1024, 2**31, 2**31 + 1, 2**32 - 1]
    return {
        "seed": seed,
        "first": first,
        "late": [late.random() for _ in range(4)],
        "below": [[bound, below.randrange(bound)] for bound in bounds for _ in range(3)],
        "choices": choices.choices(range(5153), k=20),
        "shuffled": order,
    }


def choices():
    """Log-likelihoods of choices and their lengths -> which is taken, by likelihood and by likelihood a character."""
    inf = math.inf
    cases = [
        ([-3.5, -2.25, -8.0], [4, 2, 9]),
        ([-2.0, -1.0, -1.0], [1, 1, 1]),
        ([-4.0, -2.0], [4, 2]),
        ([-inf, -700.5, -inf], [3, 5, 2]),
        ([-inf, -inf], [3, 5]),
        ([-1.0, -2.0], [0, 5]),
        ([-0.1 - 0.2, -0.3], [3, 3]),
        ([-7.5, -7.500000000000001], [7, 7]),
        ([-30.0, -20.0, -25.0, -10.0, -5.0], [40, 20, 31, 9, 4]),
    ]
    out = []
    for values, lengths in cases:
        with numpy.errstate(divide="ignore"):
            by_length = numpy.array(values) / numpy.array([float(n) for n in lengths])
        out.append({"lengths": lengths, "values": [repr(v) for v in values],
                    "plain": int(numpy.argmax(values)), "by_length": int(numpy.argmax(by_length))})  # fmt: skip
    return out


def bootstrap(values, iterations):
    chunk = min(1000, iterations)
    resamples = []
    for seed in range(iterations // chunk):
        rng = random.Random(seed)
        for _ in range(chunk):
            drawn = rng.choices(values, k=len(values))
            resamples.append(math.exp(-math.fsum(drawn) / len(drawn)))
    return statistics.stdev(resamples)


def perplexity():
    rng = random.Random("perplexity")
    values = [-rng.expovariate(0.25) for _ in range(41)]
    return {
        "values": values,
        "value": math.exp(-math.fsum(values) / len(values)),
        "mean_stderr": statistics.stdev(values) / math.sqrt(len(values)),
        "bootstrap": [[n, bootstrap(values, n)] for n in (2, 100, 1000, 2700, 5000)],
    }


def exact_p(fewer, more):
    """2 P(X <= fewer), in whole numbers; / of two of them is rounded once."""
    n = fewer + more
    term = total = 1
    for k in range(1, fewer + 1):
        term = term * (n - k + 1) // k
        total += term
    return min(1.0, 2 * total / 2**n)


def mcnemar():
    small = [(0, 0), (1, 0), (0, 5), (3, 3), (4, 3), (10, 2), (2, 10), (59, 121), (500, 560)]
    out = []
    for first, second in small:
        p = scipy.stats.binomtest(first, first + second).pvalue if first + second else 1.0
        assert math.isclose(p, exact_p(min(first, second), max(first, second)), rel_tol=1e-11)
    for first, second in small + [(0, 1070), (0, 1100), (4800, 5242), (49800, 50200), (49000, 51000)]:
        out.append([first, second, exact_p(min(first, second), max(first, second))])
    return out


class SplitMix64:
    """core/random.h"""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = 2**64 - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
        return z ^ (z >> 31)


def paired(tasks, seed, resamples):
    """The documents are sorted (-1, 1, 0) and looked up by a number from 0 to 1, one resample a seed."""
    seeds, means = SplitMix64(seed), []
    tasks = [sorted(task, key=(-1, 1, 0).index) for task in tasks]
    for _ in range(resamples):
        rng = SplitMix64(seeds.next())
        shares = [sum(task[rng.next() * len(task) >> 64] for _ in task) / len(task) for task in tasks]
        means.append(sum(shares) / len(shares))
    means = numpy.array(means)
    means[abs(means) < 1e-12] = 0
    fewer = min((means <= 0).sum(), (means >= 0).sum())
    low, high = numpy.percentile(means, [2.5, 97.5])
    return {"low": float(low), "high": float(high), "p": min(1.0, 2 * float(fewer + 1) / (resamples + 1)),
            "difference": statistics.fmean(statistics.fmean(task) for task in tasks)}  # fmt: skip


def paired_cases():
    rng = random.Random("paired")

    def documents(n, worse, better):
        task = [-1] * worse + [1] * better + [0] * (n - worse - better)
        rng.shuffle(task)
        return task

    cases = {
        "worse": [documents(40, 12, 3)],
        "even": [documents(30, 5, 5), documents(17, 2, 2)],
        "three tasks": [documents(60, 9, 4), documents(25, 3, 2), documents(7, 0, 1)],
        "sums that cancel but for rounding": [documents(10, 3, 1), documents(10, 2, 2), documents(10, 4, 2)],
        "same": [documents(20, 0, 0)],
        "all better": [documents(9, 0, 9)],
        "all decided": [documents(12, 8, 4)],
    }
    return [{"name": name, "tasks": tasks, "seed": seed, "resamples": n, **paired(tasks, seed, n)}
            for name, tasks in cases.items() for seed, n in ((0, 1000), (7, 123))]  # fmt: skip


def python_json():
    floats = [0.0, -0.0, 1.0, -2.0, 0.1, 1 / 3, 2 / 3, 100.0, 1e15, 1e16, 123456789012345680.0, 9007199254740993.0, 1e22, 1e23,
              1e-4, 1e-5, 0.00012345, 1.5e-7, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -19.16065788269043,
              0.30000000000000004, 1e100, 4.35, 2**53 + 2.0]  # fmt: skip
    rng = random.Random("floats")
    floats += [rng.uniform(-1, 1) * 10.0 ** rng.randint(-12, 20) for _ in range(50)]
    document = {
        "text": 'a "quoted" \\ back/slash\n\r\t\b\f \x01\x1f\x7f é ° \u2028 \U0001f600',
        "empty": [{}, [], ""],
        "nested": {"list": [1, -2, [3.0, None]], "flag": True, "no": False, "big": 2**63, "é key": {"x": []}},
        "answerKey": "B",
    }
    values = [document, [], {}, [[]], "x", None, floats]
    return {
        "floats": [[f"{f:.17e}", repr(f)] for f in floats],
        "texts": [{"value": json.dumps(v), "indented": json.dumps(v, indent=2, ensure_ascii=False),
                   "line": json.dumps(v, ensure_ascii=False)} for v in values],  # fmt: skip
        "no_json": json.dumps([math.nan, math.inf, -math.inf]),
    }


if __name__ == "__main__":
    jsonfile.write(HERE / "values.json", {
        "random": [draws(seed) for seed in (0, 1, 42, 99, 2**31, 2**32 - 1)],
        "choices": choices(),
        "perplexity": perplexity(),
        "mcnemar": mcnemar(),
        "paired": paired_cases(),
        "python_json": python_json(),
    })  # fmt: skip
