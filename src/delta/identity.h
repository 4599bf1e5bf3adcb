// Identity columns in the schema (PROTOCOL.md, "Identity Columns"): their high-water marks.
//
// Threads: free functions.
#pragma once

#include "base/status.h"
#include "delta/actions.h"
#include "delta/schema.h"

namespace tarn::delta {

// `older` with the high-water marks of `newest` where those are further along: a table that is
// taken back to an older version must not give out numbers a second time. Columns are the same when
// their names and starts are. Errors: those of ParseSchema.
Result<Metadata> WithIdentityMarks(Metadata older, const Schema& newest);

}  // namespace tarn::delta
