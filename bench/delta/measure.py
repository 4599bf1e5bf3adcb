"""What one operation costs: CPU seconds of the process and its children, wall, peak memory, bytes.

CPU is user + system, read from the process's own clock (nanoseconds) and, for children, from what
the kernel accounts when they are reaped. Memory is the high-water mark of this process, reset just
before the operation, or that of its largest child.
"""
import os
import resource
import time


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass  # then the peak includes the preparation


def own_peak_kib():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    return 0


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def process_cpu(pid):
    """CPU seconds of a living process, all its threads, dead ones included."""
    return time.clock_gettime((~pid << 3) | 2)


def sizes(folder):
    found = {}
    for path, _, names in os.walk(folder or ""):
        for name in names:
            file = os.path.join(path, name)
            found[file] = os.path.getsize(file)
    return found


def written(before, after):
    new = [file for file in after if file not in before]
    data = [file for file in new if "_delta_log" not in file]
    return dict(data_bytes=sum(after[file] for file in data), data_files=len(data),
                log_bytes=sum(after[file] for file in new if "_delta_log" in file))


def measured(run, folder=None):
    """Runs `run()`; what it returns is kept as `extra`, but for figures it measured itself."""
    before = sizes(folder)
    os.sync()
    reset_peak()
    cpu, wall = time.process_time() + children_cpu(), time.perf_counter()
    extra = run() or {}
    wall = time.perf_counter() - wall
    cpu = time.process_time() + children_cpu() - cpu
    sample = dict(cpu=cpu, wall=wall, peak_mib=own_peak_kib() / 1024)
    sample.update(extra.pop("figures", {}))
    if folder:
        sample.update(written(before, sizes(folder)))
    if extra:
        sample["extra"] = extra
    return sample
