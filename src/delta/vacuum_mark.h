// The mark of a VACUUM under way, for those who bring files back: RESTORE and shallow clones of old
// versions look for it, so that what they are about to name is not deleted in the same moment.
//
// The mark is `_delta_log/_tarn_vacuum/<uuid>.json` in the table's log folder; other engines pass
// over folders below `_delta_log` that they do not know. VACUUM puts it before it looks a last time
// at what is needed, and takes it away when it has ended. Who brings files back makes himself known
// first (a clone by its registration, RESTORE by being refused behind a commit VACUUM START), then
// looks for marks. Whichever comes second sees the other. A mark older than a day is what a VACUUM
// that died has left, and counts no more: VACUUM deletes nothing for longer than half a day.
//
// Threads: free functions. Errors: the store's.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "delta/table.h"

namespace tarn::delta {

inline constexpr char kVacuumStart[] = "VACUUM START";
inline constexpr int64_t kLongestDeletingMs = 12LL * 3'600'000;

// Files of versions that were replaced before `cutoff_ms` are about to go. Returns the mark's key.
Result<std::string> MarkVacuum(Table& table, int64_t cutoff_ms);
// Takes the mark away, and those that count no more.
Status UnmarkVacuum(Table& table, const std::string& key);

// kConflict when files of `version` may be going right now: the caller tries again later.
Status RefuseDuringVacuum(Table& table, Version version);

}  // namespace tarn::delta
