// `tarn ingest kafka`.
#pragma once

#include "cli/command.h"

namespace tarn::cli {

void RegisterIngestKafka(CLI::App& ingest, Invocation& invocation);

}  // namespace tarn::cli
