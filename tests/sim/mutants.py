"""The mutants of tests/sim/mutants: (name, what it breaks, file, text, text put in its place)."""
import pathlib
import re
import subprocess
import sys

MUTANTS = [
    ("append-unread", "an append of rows that were read is no conflict", "conflict.cc",
     "if ((blind && tolerates_appends) || !WasRead(file)) return std::nullopt;",
     "return std::nullopt;"),
    ("serializable-ignored", "blind appends are tolerated under Serializable too", "conflict.cc",
     "if ((blind && tolerates_appends) || !WasRead(file)) return std::nullopt;",
     "if (blind || !WasRead(file)) return std::nullopt;"),
    ("delete-delete", "two removals of one file are no conflict", "conflict.cc",
     "if (footprint_.removed_paths.count(Canonical(file.path)) == 0) return std::nullopt;",
     "return std::nullopt;"),
    ("transaction-unchecked", "two commits of one application version are no conflict", "conflict.cc",
     "if (footprint_.app_ids.count(transaction->app_id) != 0) {",
     "if (false) {"),
    ("already-applied-unseen", "an application version in the base does not end the commit",
     "commit_loop.cc",
     "if (const auto applied = AppliedIn(*tx_.base_)) return AlreadyApplied(tx_.base_->version());",
     ""),
    ("domain-unchecked", "two changes of one metadata domain are no conflict", "conflict.cc",
     "if (footprint_.domains.count(domain->domain) != 0) {", "if (false) {"),
    ("metadata-unchecked", "any change of metadata is adopted", "conflict.cc",
     "if (footprint_.changes_metadata || !CanAdopt(metadata_, metadata, protocol_)) {",
     "if (false) {"),
    ("lost-reply-is-failure", "a put without a reply is tried again at the next version",
     "commit_loop.cc",
     "return ours ? PutOutcome::kCommitted : PutOutcome::kLost;",
     "return PutOutcome::kLost;"),
    ("unknown-is-failure", "a put that may still arrive is called refused", "commit_loop.cc",
     "if (!in_flight && status.retry() == RetryClass::kBackoff) return status.WithContext(where);",
     "if (status.retry() == RetryClass::kBackoff) return status.WithContext(where);"),
    ("commit-overwrites", "the entry is put whether or not the version is there", "commit_loop.cc",
     "environment_.store->Put(key, entry, store::PutMode::kCreateOnly)",
     "environment_.store->Put(key, entry, store::PutMode::kOverwrite)"),
    ("cleanup-unnoticed", "a commit below the cleaned-up part of the log stands", "commit_loop.cc",
     "if (!newest && tx_.base_ != nullptr) TARN_RETURN_IF_ERROR(CheckIsInLog(version));", ""),
    ("checkpoint-forgets-removal", "a checkpoint holds no tombstones", "checkpoint.cc",
     "while (at_ < parts_.tombstones.size()) {", "while (false) {"),
    ("removed-file-stays", "a removal behind a checkpoint does not reach into it",
     "snapshot_builder.cc",
     "return adds.Contains(path, vector) || removes.Contains(path, vector);",
     "return adds.Contains(path, vector);"),
    ("refresh-keeps-removed", "a refreshed snapshot keeps removed files", "snapshot_builder.cc",
     "  replay.removes.ForEach(erase);", ""),
    ("timestamps-do-not-follow", "a rebased commit keeps its in-commit timestamp", "commit_loop.cc",
     "info.timestamp_ms = std::max(*info.timestamp_ms, previous_timestamp_ms_ + 1);", ""),
    ("row-ids-do-not-follow", "a rebased commit keeps the row ids of its first attempt",
     "commit_loop.cc", "if (row_ids_) row_ids_->Follow(*actions);", ""),
    ("txns-lost-in-checkpoint", "application versions of a checkpoint are not read",
     "snapshot_builder.cc",
     "newer_.transactions.try_emplace(std::move(key), std::move(*txn));", ""),
    ("cleanup-newest-first", "the log is cleaned up from the newest version downwards", "log_cleanup.cc",
     "for (const auto& object : objects) {",
     "for (auto it = objects.rbegin(); it != objects.rend(); ++it) {\n      const auto& object = *it;"),
    ("cleanup-goes-on", "a delete in doubt does not stop the clean-up", "log_cleanup.cc",
     "if (!name || name->version >= keep) continue;\n      TARN_RETURN_IF_ERROR(store_.Delete(object.key));",
     "if (!name || name->version >= keep) continue;\n      (void)store_.Delete(object.key).ok();"),
    ("cleanup-unretained", "the log is cleaned up below every checkpoint", "log_cleanup.cc",
     "if (time.timestamp_ms >= cutoff_ms) break;", ""),
    ("vacuum-forgets-window", "VACUUM keeps what the newest version names alone", "vacuum.cc",
     "if (gone_ms >= cutoff_ms_) KeysOf(*table_, remove->path, remove->deletion_vector, use);", ""),
    ("vacuum-forgets-changes", "VACUUM takes the change files of commits inside the retention",
     "vacuum.cc", "if (made_ms >= cutoff_ms_) KeysOf(*table_, cdc->path, std::nullopt, use);", ""),
    ("vacuum-ignores-age", "VACUUM takes files that are about to be committed", "vacuum.cc",
     "if (object.modified_micros / 1000 >= cutoff_ms_ || protected_.Holds(object.key)) return;",
     "if (protected_.Holds(object.key)) return;"),
    ("vacuum-forgets-clones", "VACUUM does not look at registered clones", "clone_registry.cc",
     "const Status status = ProtectOne(**clone, source, protect);",
     "const Status status = Status::Ok();"),
    ("vacuum-looks-once", "VACUUM does not look again before it deletes", "vacuum.cc",
     "Status status = LookAgain();", "Status status = Status::Ok();"),
    ("restore-ignores-vacuum", "RESTORE brings files back under a VACUUM", "restore.cc",
     "if (!looked) TARN_RETURN_IF_ERROR(RefuseDuringVacuum(table, target.version()));", ""),
    ("clone-unregistered", "a clone registers with nobody", "shallow_clone.cc",
     "TARN_RETURN_IF_ERROR(RegisterClone(source_, location_, snapshot_.version()));", ""),
    ("feed-counts-rearranged", "the change feed counts what OPTIMIZE moved", "change_feed.cc",
     "if (add == nullptr || !add->data_change) continue;", "if (add == nullptr) continue;"),
    ("feed-forgets-vectors", "the change feed forgets rows that a new deletion vector hides",
     "change_feed.cc", 'if (deleted.Cardinality() > 0) Emit(after, std::move(deleted), "delete");', ""),
    ("refresh-trusts-gap", "a refresh does not look whether the log is still the one it knows",
     "table.cc", "if (!same) return SnapshotPtr();", ""),
]


def run_mutant(mutant, root, build, seeds):
    """Returns the line that tells what happened, and whether the mutant was caught."""
    name, what, file, text, replacement = mutant
    path = pathlib.Path(root) / "src" / "delta" / file
    original = path.read_text()
    if original.count(text) != 1:
        return f"{name}: its text stands {original.count(text)} times in {file}", False
    path.write_text(original.replace(text, replacement))
    try:
        built = subprocess.run(["ninja", "-C", build, "-j2", "sim"], capture_output=True, text=True)
        if built.returncode != 0:
            return f"{name}: does not compile: " + built.stdout[-300:].replace("\n", " "), False
        ran = subprocess.run([f"{build}/sim", "--seeds", seeds, "--quiet"], capture_output=True,
                             text=True, errors="replace")
        found = re.findall(r"^(seed \d+ failed: .*)$", ran.stdout, re.MULTILINE)
        if not found:
            return f"{name}: {what}: not caught by {seeds} seeds", False
        return f"{name}: {what}: {found[0][:200]}", True
    finally:
        path.write_text(original)


def main():
    root, build, seeds, names = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    chosen = [mutant for mutant in MUTANTS if not names or mutant[0] in names]
    failed = False
    for number, mutant in enumerate(chosen, 1):
        line, caught = run_mutant(mutant, root, build, seeds)
        failed = failed or not caught
        print(f"{'ok' if caught else 'not ok'} {number} - {line}", flush=True)
    print(f"1..{len(chosen)}")
    return 1 if failed or not chosen else 0


sys.exit(main())
