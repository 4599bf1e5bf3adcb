// The one way past engine.h to DuckDB itself, for rooms that read bound plans (transform/lineage).
//
// Threads: as the session's. Errors: what `body` returns; DuckDB's exceptions become Status as they
// do in the session's own calls.
#pragma once

#include <functional>

#include "duckdb.hpp"
#include "engine/engine.h"

namespace tarn::engine {

// Runs `body` in a transaction of its own, which ends with the call.
Status InDuckdbTransaction(Session& session,
                           const std::function<Status(duckdb::ClientContext&)>& body);

template <typename Body>
auto WithDuckdb(Session& session, Body body)
    -> decltype(body(std::declval<duckdb::ClientContext&>())) {
  decltype(body(std::declval<duckdb::ClientContext&>())) result =
      Status::Internal("nothing was run");
  const Status status = InDuckdbTransaction(session, [&](duckdb::ClientContext& client) -> Status {
    result = body(client);
    return result.ok() ? Status::Ok() : result.status();
  });
  if (!status.ok()) return status;
  return result;
}

}  // namespace tarn::engine
