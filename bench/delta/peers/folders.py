"""Folders of the peers' own tables: fresh ones, and copies whose data files are hard links."""
import os
import shutil


def fresh(place, name, make=True):
    path = f"{place.work}/{name}"
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path if make else os.path.dirname(path), exist_ok=True)
    return path


def _link_or_copy(source, target):
    # What a peer might append to or replace in place must not be shared.
    return shutil.copy2(source, target) if "_delta_log" in source else os.link(source, target)


def copied(place, table, name):
    path = fresh(place, name, make=False)
    shutil.copytree(table, path, copy_function=_link_or_copy)
    return path


def empty_table(place, name):
    """A Delta table of the events without partitions, as any writer may find it."""
    import data
    path = fresh(place, name)
    log = data.fresh_log(path)
    data.put_commit(log, 0, [{"protocol": data.PROTOCOL}, {"metaData": data.metadata(False)}])
    return path
