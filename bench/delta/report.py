"""From samples to results.json, table.md and table.svg: medians, with the machine they were taken on."""
import html
import json
import os
import platform
import statistics

import workloads

NAMES = {"tarn": "Tarn", "deltars": "delta-rs", "duckdelta": "DuckDB delta", "ducklake": "DuckLake", "limit": "limit"}
COLORS = {"tarn": "#0b6e4f", "deltars": "#c8553d", "duckdelta": "#e0a030", "ducklake": "#7a6fb0", "limit": "#9aa0a6"}
MEDIANS = ("cpu", "wall", "peak_mib", "data_bytes", "data_files", "log_bytes")


def machine(folder):
    facts = dict(kernel=platform.release(), cores=len(os.sched_getaffinity(0)), load_at_start=os.getloadavg()[0])
    with open("/proc/cpuinfo") as file:
        facts["processor"] = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    with open("/proc/meminfo") as file:
        facts["memory_gib"] = round(int(file.readline().split()[1]) / 2**20, 1)
    with open("/proc/mounts") as file:
        mounts = [line.split() for line in file]
    inside = [m for m in mounts if os.path.realpath(folder).startswith(m[1].rstrip("/") + "/")]
    facts["file_system"] = max(inside, key=lambda m: len(m[1]))[2] if inside else "unknown"
    return facts


def median_of(samples):
    good = [s for s in samples if "error" not in s]
    if not good:
        return dict(error=samples[-1]["error"])
    cell = {key: statistics.median(s[key] for s in good) for key in MEDIANS if key in good[0]}
    cell.update(samples=len(good), cpu_all=[round(s["cpu"], 4) for s in good], version=good[-1]["version"],
                load=max(s["load"] for s in good))
    if "extra" in good[-1]:
        cell["extra"] = good[-1]["extra"]
    return cell


def cells_of(operations, samples):
    cells = {}
    for operation in operations:
        for peer in operation.peers:
            mine = [s for s in samples if s["operation"] == operation.name and s["peer"] == peer]
            if mine:
                cells.setdefault(operation.name, {})[peer] = median_of(mine)
    return cells


def verdict(operation, row):
    tarn, limit, deltars = row.get("tarn"), row.get("limit"), row.get("deltars")
    if not tarn or "error" in tarn:
        return "no figure" if tarn else ""
    limit = limit if limit and "error" not in limit else None
    if operation.name in workloads.AHEAD_OF_DELTARS:
        met = tarn["cpu"] < deltars["cpu"] if deltars and "error" not in deltars else None
    else:
        met = operation.met(tarn, limit) if operation.met else None
    return {True: "met", False: "**missed**", None: ""}[met]


def seconds(value):
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def size(count):
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.0f} KB"


def cell_text(operation, cell):
    if "error" in cell:
        return "fails"
    extra = cell.get("extra", {})
    text = f"{seconds(cell['cpu'])} / {seconds(cell['wall'])} / {cell['peak_mib']:.0f}"
    if cell.get("data_bytes"):
        text += f" / {size(cell['data_bytes'])}·{cell['data_files']:.0f}f"
    if operation.name == "W2":
        text += (f"<br>{1000 * cell['cpu'] / workloads.COMMITS:.2f} ms each, "
                 f"{workloads.COMMITS / cell['wall']:.0f} commits/s")
    if operation.name == "W2.10k":
        text += "<br>" + " ".join(f"{ms:.2f}" for ms in extra["each_ms"])
    if "committed" in extra:
        text += f"<br>{extra['committed']} of {workloads.WRITERS * workloads.COMMITS_PER_WRITER}"
    return text


def markdown(operations, cells, facts):
    peers = [p for p in NAMES if any(p in row for row in cells.values())]
    versions = {p: next(r[p]["version"] for r in cells.values() if p in r and "version" in r[p])
                for p in peers if any(p in r and "version" in r[p] for r in cells.values())}
    lines = [
        f"# Delta workloads, {facts['rows']:,} rows", "",
        f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['file_system']}, "
        f"Linux {facts['kernel']}; load {facts['load_at_start']:.1f} at the start, {facts['load_at_end']:.1f} at the end.",
        "Versions: " + "; ".join(f"{NAMES[p]}: {v}" for p, v in versions.items()) + ".", "",
        "A cell: CPU s / wall s / peak MiB / bytes of new data files. Medians of one run in which the peers take turns,",
        "every sample in a process of its own, two threads each. Start and end of a process are in nobody's figure, but for",
        "W10. Tarn's commits are synced to disk; those of delta-rs and DuckDB delta are not. The limit: DuckDB on bare",
        "Parquet files, and for W2 two synced files per commit. Peers that lack an operation have no cell.", "",
        "| | " + " | ".join(NAMES[p] for p in peers) + " | goal for Tarn | |",
        "|---" * (len(peers) + 3) + "|"]
    for operation in operations:
        row = cells.get(operation.name)
        if not row:
            continue
        texts = [cell_text(operation, row[p]) if p in row else "" for p in peers]
        lines.append(f"| {operation.name} {operation.title} | " + " | ".join(texts) +
                     f" | {operation.goal} | {verdict(operation, row)} |")
    failures = [f"- {name}, {NAMES[peer]}: {cell['error']}" for name, row in cells.items()
                for peer, cell in row.items() if "error" in cell]
    return "\n".join(lines + (["", "Failed:"] + failures if failures else [])) + "\n"


def bars(name, row, top):
    """One operation: a bar per peer, as long as its CPU seconds relative to the slowest."""
    known = [(p, row[p]["cpu"]) for p in NAMES if p in row and "error" not in row[p]]
    longest, parts = max(cpu for _, cpu in known) or 1, []
    parts.append(f'<text x="8" y="{top + 12}" font-weight="bold">{html.escape(name)}</text>')
    for line, (peer, cpu) in enumerate(known):
        y = top + 18 + line * 14
        parts.append(f'<text x="20" y="{y + 10}">{NAMES[peer]}</text>'
                     f'<rect x="110" y="{y}" width="{max(1, 420 * cpu / longest):.0f}" height="11" fill="{COLORS[peer]}"/>'
                     f'<text x="{116 + 420 * cpu / longest:.0f}" y="{y + 10}">{seconds(cpu)} s</text>')
    return parts, top + 26 + len(known) * 14


def svg(operations, cells, facts):
    parts, top = [], 44
    for operation in operations:
        row = cells.get(operation.name, {})
        if len([c for c in row.values() if "error" not in c]) > 1:
            more, top = bars(f"{operation.name}  {operation.title}", row, top)
            parts += more
    title = (f"CPU seconds, {facts['rows']:,} rows, {facts['cores']} cores of {facts['processor']}; "
             "shorter is better")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="620" height="{top}" font-family="sans-serif" font-size="11">'
            f'<rect width="100%" height="100%" fill="white"/><text x="8" y="24" font-size="13">{html.escape(title)}</text>'
            + "".join(parts) + "</svg>\n")


def write(folder, operations, samples, facts):
    os.makedirs(folder, exist_ok=True)
    cells = cells_of(operations, samples)
    with open(folder + "/results.json", "w") as file:
        json.dump(dict(machine=facts, medians=cells, samples=samples), file, indent=1)
    with open(folder + "/table.md", "w") as file:
        file.write(markdown(operations, cells, facts))
    with open(folder + "/table.svg", "w") as file:
        file.write(svg(operations, cells, facts))
