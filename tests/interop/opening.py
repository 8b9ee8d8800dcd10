# SPDX-License-Identifier: Apache-2.0
"""Two ways to open a model directory: as Transformers and PEFT do, with all they have to say, and as the bytes in its files.

Imported by the checks of this folder; it is no program itself.
"""
import contextlib
import json
import logging
import pathlib
import struct
import sys
import warnings

import transformers
from transformers.utils import logging as hf_logging

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "golden"))
import plain  # noqa: E402

transformers.logging.disable_progress_bar()


class Collector(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = set()

    def emit(self, record):
        self.messages.add(record.getMessage())


@contextlib.contextmanager
def listening():
    """-> a set that holds afterwards every warning and every log message of WARNING or above of Transformers and PEFT."""
    hf_logging.warning_once.cache_clear()  # it would show a message for the first model only
    collector, messages = Collector(), set()
    loggers = [logging.getLogger(name) for name in ("transformers", "peft")]
    others = [logger.handlers for logger in loggers]
    for logger in loggers:
        logger.handlers = [collector]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield messages
    finally:
        for logger, handlers in zip(loggers, others):
            logger.handlers = handlers
    messages |= collector.messages | {str(w.message) for w in caught}


def with_transformers(directory):
    """-> (model in float32, what was said), the directory's name taken out"""
    with listening() as messages:
        model = plain.load(directory)
    return model, {m.replace(str(directory), "MODEL") for m in messages}


def tensors_in(file):
    """safetensors, read by hand -> {name: (dtype, shape, bytes)}"""
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    body = data[8 + length :]
    return {n: (t["dtype"], t["shape"], body[slice(*t["data_offsets"])]) for n, t in header.items()}


def tensors(directory):
    """All tensors of a directory. The index, where there is one, must name every tensor and the file that has it."""
    index = directory / "model.safetensors.index.json"
    if not index.exists():
        return tensors_in(directory / "model.safetensors")
    weight_map, found = json.loads(index.read_text())["weight_map"], {}
    for name in sorted(set(weight_map.values())):
        part = tensors_in(directory / name)
        wrong = {t for t in part if weight_map.get(t) != name}
        if wrong:
            raise ValueError(f"{name}: tensors that the index places elsewhere or not at all: {sorted(wrong)}")
        found |= part
    missing = set(weight_map) - set(found)
    if missing:
        raise ValueError(f"the index names tensors that no shard has: {sorted(missing)}")
    return found
