// LiveBronzeWriter: what live streams need of the tables beyond bronze_writer.h: states of many
// lanes at once, and to know that the table went back to an older version underneath them.
//
// Threads and errors: as bronze_writer.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ingest/bronze_writer.h"

namespace tarn::ingest {

class LiveBronzeWriter : public BronzeWriter {
 public:
  struct States {
    int64_t version = -1;  // of the table they were read at
    std::vector<StreamState> states;
  };
  // All of one version of the Bronze table: the newest, or `version`.
  virtual Result<States> ReadStates(const std::vector<std::string>& stream_ids,
                                    std::optional<int64_t> version = std::nullopt) = 0;
  virtual Result<std::vector<StreamState>> ReadDeadLetterStates(
      const std::vector<std::string>& stream_ids) = 0;

  struct Restore {
    int64_t version = -1;       // the commit that did it
    std::optional<int64_t> to;  // the version it went back to; nullopt when it does not say
  };
  // RESTOREs of the Bronze table by commits after `version`, ascending.
  virtual Result<std::vector<Restore>> RestoresAfter(int64_t version) = 0;

  // As AppendRows, on top of what the caller examined: kConflict (and nothing written) when a
  // commit after `examined` took rows away. `version` is where the rows are.
  virtual Result<AppendOutcome> AppendRowsAfter(const std::vector<RowGroup>& groups,
                                                int64_t examined, int64_t* version) = 0;
};

}  // namespace tarn::ingest
