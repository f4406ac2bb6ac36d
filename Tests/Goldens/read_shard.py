"""Shows what h5py sees in a shard of a data set: data sets, shapes, types, filters, attributes, and the first label.

    python3 read_shard.py NAME-00000.h5
"""
import sys

import h5py


def attributes(thing):
    return "".join(f"\n    {name} = {value!r}" for name, value in sorted(thing.attrs.items()))


def filters(dataset):
    names = [dataset.compression, "fletcher32" if dataset.fletcher32 else None, "shuffle" if dataset.shuffle else None]
    return ", ".join(name for name in names if name) or "no filter"


def show(name, thing):
    if isinstance(thing, h5py.Dataset):
        print(f"{name}: {thing.dtype} {list(thing.shape)}, chunks {thing.chunks}, {filters(thing)}{attributes(thing)}")
    else:
        print(f"{name}/{attributes(thing)}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: read_shard.py FILE")
    with h5py.File(sys.argv[1], "r") as shard:
        print(f"/{attributes(shard)}")
        shard.visititems(show)
        print(f"first label: {shard['labels'][0]}")
