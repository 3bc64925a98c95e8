"""Where word2vec is trained: the compiled kernels of the CPU, or a GPU by torch."""

from __future__ import annotations

from typing import Literal, get_args

from ringsmith.errors import MissingExtra, OptionError, UnknownName
from ringsmith.words.options import Word2VecOptions

Device = Literal["cpu", "cuda", "mps", "auto"]
DEVICES: tuple[str, ...] = get_args(Device)


def find_device(device: Device, options: Word2VecOptions) -> Device:
    """``"cpu"``, ``"cuda"`` or ``"mps"``.

    Args:
        device: what was asked for; ``"auto"`` takes a GPU if torch knows one and the options can be trained there.
        options: what is to be trained.

    Raises:
        UnknownName: no such device. OptionError: what the options ask for is not done on a GPU. MissingExtra: torch is not installed.
        MachineError: this machine has no such GPU.

    Examples:
        >>> find_device("cpu", Word2VecOptions())
        'cpu'
    """
    if device not in DEVICES:
        raise UnknownName.of("device", device, DEVICES)
    if device == "cpu" or (device == "auto" and not_in_batches(options)):
        return "cpu"
    if alien := not_in_batches(options):
        raise OptionError(f"{' and '.join(map(repr, alien))}: not done on a GPU; got device={device!r}. Leave {'them' if len(alien) > 1 else 'it'} out, or train on the CPU.")
    try:
        from ringsmith.words.batches import check_device, gpu_of_this_machine
    except MissingExtra:
        if device == "auto":
            return "cpu"
        raise
    if device == "auto":
        return gpu_of_this_machine() or "cpu"
    check_device(device)
    return device


def not_in_batches(options: Word2VecOptions) -> list[str]:
    """Names of the options that ask for what is not done on a GPU.

    Examples:
        >>> not_in_batches(Word2VecOptions(subwords=(3, 6))), not_in_batches(Word2VecOptions(hierarchical=True))
        (['subwords'], ['hierarchical'])
    """
    return [name for name in ("hierarchical", "subwords") if getattr(options, name)]
